"""llama.cpp's own server test suite, run on its `llama-server` and on ``xllamacpp serve``, and the two compared.

The suite is taken out of the pinned source distribution as it is. The models that it would download are stand-ins, made
here and served by a local hub; names on the internet lead there too, in a network of this process's own, so that
nothing else can be reached. ``nox -s llama_cpp_suite`` builds what is needed and runs ``python -m llama_cpp_suite``.
"""
