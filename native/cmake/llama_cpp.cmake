# llama.cpp as a subproject: shared libraries, and compute backends as modules that are loaded at run time.
include_guard()

# Every switch that shapes the result is set here, by name: ggml's defaults change with SOURCE_DATE_EPOCH, with the
# compiler and with what happens to be installed. CMAKE_ARGS changes those that are set by xllamacpp_default, and any
# option that is not named here.
macro(xllamacpp_default name value)
  if(NOT DEFINED ${name})
    set(${name} ${value})
  endif()
endmacro()

set(BUILD_SHARED_LIBS ON)
set(GGML_BACKEND_DL ON)
set(GGML_NATIVE OFF)  # ggml refuses it for modules; XLLAMACPP_CPU=native does it below
if(XLLAMACPP_CPU STREQUAL "native")
  set(GGML_CPU_ALL_VARIANTS OFF)
  foreach(instruction_set SSE42 AVX AVX2 BMI2 FMA F16C AVX_VNNI AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16)
    set(GGML_${instruction_set} OFF)
  endforeach()
else()
  set(GGML_CPU_ALL_VARIANTS ON)
endif()
set(GGML_CUDA   ${XLLAMACPP_BUILD_CUDA})
set(GGML_HIP    ${XLLAMACPP_BUILD_HIP})
set(GGML_VULKAN ${XLLAMACPP_BUILD_VULKAN})
set(GGML_METAL  ${XLLAMACPP_BUILD_METAL})
set(GGML_METAL_EMBED_LIBRARY ON)  # the kernels are in the module then, and not in files beside a program
xllamacpp_default(GGML_CUDA_NCCL OFF)  # ON links whatever NCCL the build machine has: an undeclared dependency
if(APPLE)
  xllamacpp_default(GGML_BLAS    ON)   # the system's own (Accelerate), as in llama.cpp's releases
else()
  xllamacpp_default(GGML_BLAS    OFF)
endif()
xllamacpp_default(GGML_OPENMP    OFF)  # a second libgomp in the process; ggml's own thread pool is as fast here
xllamacpp_default(GGML_LTO       OFF)
xllamacpp_default(GGML_CCACHE    OFF)  # compiler_cache.cmake has set the launcher already

set(LLAMA_BUILD_COMMON   ON)
set(LLAMA_BUILD_TOOLS    ON)
set(LLAMA_BUILD_SERVER   ON)
set(LLAMA_BUILD_TESTS    OFF)
set(LLAMA_BUILD_EXAMPLES OFF)
set(LLAMA_BUILD_APP      OFF)
set(LLAMA_BUILD_UI       OFF)
set(LLAMA_USE_PREBUILT_UI OFF)  # would download at build time
set(LLAMA_LLGUIDANCE     OFF)   # llguidance.cmake brings it, from crates.io instead of a git host
set(LLAMA_ALL_WARNINGS   OFF)   # the warnings in dependencies are not ours to fix
xllamacpp_default(LLAMA_OPENSSL ON)  # TLS for the server; found or left out
set(LLAMA_BUILD_NUMBER   0)
set(LLAMA_BUILD_COMMIT   "${LLAMA_CPP_COMMIT}")
set(LLAMA_BUILD_IS_DEV   OFF)

# One file per library, found by its neighbours through $ORIGIN alone.
if(APPLE)
  set(XLLAMACPP_ORIGIN "@loader_path")
else()
  set(XLLAMACPP_ORIGIN "$ORIGIN")
endif()
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "${XLLAMACPP_ORIGIN}")

add_subdirectory("${LLAMA_CPP_DIR}" llama.cpp EXCLUDE_FROM_ALL SYSTEM)

if(XLLAMACPP_CPU STREQUAL "native")
  if(MSVC)
    message(FATAL_ERROR "XLLAMACPP_CPU=native needs GCC or Clang: MSVC has no flag for the machine that it runs on.")
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i[3-6]86)$")
    target_compile_options(ggml-cpu PRIVATE -march=native)
  else()
    target_compile_options(ggml-cpu PRIVATE -mcpu=native)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The CPU modules are all made in ggml-base's directory.
  set_property(SOURCE "${LLAMA_CPP_DIR}/ggml/src/ggml-cpu/amx/mmq.cpp" TARGET_DIRECTORY ggml-base
    APPEND PROPERTY COMPILE_OPTIONS -include "${CMAKE_CURRENT_SOURCE_DIR}/src/system/amx_tiles.h")
endif()

# The libraries that the wheel carries. Names that no other package uses: two packages that both bring a
# `libggml-base.so.0` share whichever the process loads first, whatever their RPATHs say.
set(XLLAMACPP_LIBRARIES ggml-base ggml llama llama-common mtmd)
foreach(library IN LISTS XLLAMACPP_LIBRARIES)
  set_property(TARGET ${library} PROPERTY OUTPUT_NAME "${library}-xlc")
  # Without these there is one file per library and no symlink, which a wheel could not hold.
  set_property(TARGET ${library} PROPERTY VERSION)
  set_property(TARGET ${library} PROPERTY SOVERSION)
endforeach()

# The backend modules keep ggml's names; ggml adds each as a MODULE library that nothing links to.
function(xllamacpp_find_modules directory out)
  get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
  get_property(children DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
  set(found)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "MODULE_LIBRARY")
      list(APPEND found ${target})
    endif()
  endforeach()
  foreach(child IN LISTS children)
    xllamacpp_find_modules("${child}" more)
    list(APPEND found ${more})
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()
xllamacpp_find_modules("${LLAMA_CPP_DIR}/ggml" XLLAMACPP_MODULES)
include(module_runpath)

# Files of llama.cpp's that have a part of ours in their place or around them, each for the reason that stands there.
if(XLLAMACPP_BUILD_CORE)
  get_target_property(sources llama-common SOURCES)
  list(REMOVE_ITEM sources log.cpp llguidance.cpp)
  list(APPEND sources "${CMAKE_CURRENT_SOURCE_DIR}/src/system/llama_log.cpp")
  set_property(TARGET llama-common PROPERTY SOURCES ${sources})
  set_source_files_properties("${LLAMA_CPP_DIR}/common/fit.cpp" TARGET_DIRECTORY llama-common PROPERTIES
    COMPILE_DEFINITIONS "llama_log_set=xllamacpp_divert_log")

  foreach(part IN ITEMS guard tokens ways)
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/src/grammars/llama_grammar_${part}.cpp")
    target_sources(llama PRIVATE "${source}")
    # llama.cpp compiles its files together, where clang-tidy would not find ours.
    set_source_files_properties("${source}" TARGET_DIRECTORY llama PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
  target_include_directories(llama PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src")
  # What is called in llama-sampler.cpp.
  set_source_files_properties("${LLAMA_CPP_DIR}/src/llama-sampler.cpp" TARGET_DIRECTORY llama PROPERTIES
    COMPILE_DEFINITIONS "llama_grammar_accept_impl=xllamacpp_grammar_accept;llama_grammar_apply_impl=xllamacpp_grammar_apply")
endif()
