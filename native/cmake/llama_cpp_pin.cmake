# The one home of the llama.cpp pin. Moved by `nox -s llama_cpp`, read by CMake, noxfile.py and the tests.
set(LLAMA_CPP_SDIST_NAME    "llama-cpp-python")
set(LLAMA_CPP_SDIST_VERSION "0.3.36")
set(LLAMA_CPP_SDIST_SHA256  "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e")
set(LLAMA_CPP_SDIST_FOLDER  "vendor/llama.cpp")
set(LLAMA_CPP_VERSION       "0.5.0")
set(LLAMA_CPP_COMMIT        "0c1e57098")
