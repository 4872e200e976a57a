# What this build was made of and with, for `xllamacpp.BUILD_INFO`: written into the package as build_info.json.
# The build of a row of matrix.yaml puts its name, the commit, and all of its options there (finished_wheel.py).
include_guard()

set(modules ${XLLAMACPP_MODULES})
foreach(path IN LISTS XLLAMACPP_PREBUILT_MODULES)
  get_filename_component(name "${path}" NAME_WE)
  string(REGEX REPLACE "^${CMAKE_SHARED_MODULE_PREFIX}" "" name "${name}")
  list(APPEND modules ${name})
endforeach()
list(TRANSFORM modules REPLACE "^ggml-" "")
list(SORT modules)

set(backends cpu)
foreach(backend cuda hip metal vulkan)
  if(backend IN_LIST modules)
    list(APPEND backends ${backend})
  endif()
endforeach()

# [a;b] -> ["a", "b"]
function(xllamacpp_json_list out)
  list(TRANSFORM ARGN REPLACE "(.+)" "\"\\1\"")
  list(JOIN ARGN ", " text)
  set(${out} "[${text}]" PARENT_SCOPE)
endfunction()

xllamacpp_json_list(modules_json ${modules})
xllamacpp_json_list(backends_json ${backends})

if(XLLAMACPP_HAS_LLGUIDANCE)
  set(llguidance_json "\"${XLLAMACPP_LLGUIDANCE_VERSION}\"")
else()
  set(llguidance_json "null")
endif()
if(XLLAMACPP_HAS_OPENSSL)
  set(openssl_json "\"${OPENSSL_VERSION}\"")
else()
  set(openssl_json "null")
endif()
if(XLLAMACPP_LLAMA_CPP_DIR)
  set(source_json "null")
else()
  set(source_json "\"${LLAMA_CPP_SDIST_NAME} ${LLAMA_CPP_SDIST_VERSION}\"")
endif()
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" flags)
string(REPLACE "\\" "\\\\" flags "${flags}")
string(REPLACE "\"" "\\\"" flags "${flags}")

set(XLLAMACPP_BUILD_INFO "${CMAKE_CURRENT_BINARY_DIR}/build_info.json")
file(CONFIGURE OUTPUT "${XLLAMACPP_BUILD_INFO}" CONTENT [[{
  "version": "@SKBUILD_PROJECT_VERSION_FULL@",
  "llama_cpp_version": "@LLAMA_CPP_VERSION@",
  "llama_cpp_commit": "@LLAMA_CPP_COMMIT@",
  "llama_cpp_source": @source_json@,
  "build_type": "@CMAKE_BUILD_TYPE@",
  "build_target": "@CMAKE_SYSTEM_NAME@ @CMAKE_SYSTEM_PROCESSOR@",
  "compiler": "@CMAKE_CXX_COMPILER_ID@ @CMAKE_CXX_COMPILER_VERSION@",
  "flags": "@flags@",
  "options": {"XLLAMACPP_CPU": "@XLLAMACPP_CPU@", "GGML_OPENMP": "@GGML_OPENMP@", "GGML_LTO": "@GGML_LTO@"},
  "backends": @backends_json@,
  "modules": @modules_json@,
  "llguidance": @llguidance_json@,
  "openssl": @openssl_json@,
  "row": null,
  "revision": null
}
]] @ONLY)
