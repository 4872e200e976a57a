# What a builder may set. The document's environment variables are the defaults of the matching options.
include_guard()

# Defines the BOOL option `name`, whose default is ON when the environment variable of the same name is truthy.
function(xllamacpp_env_option name help)
  set(default OFF)
  if("$ENV{${name}}" MATCHES "^(1|ON|on|TRUE|True|true|YES|yes)$")
    set(default ON)
  endif()
  option(${name} "${help}" ${default})
endfunction()

xllamacpp_env_option(XLLAMACPP_BUILD_CUDA   "Add the CUDA module (needs the CUDA toolkit)")
xllamacpp_env_option(XLLAMACPP_BUILD_HIP    "Add the HIP module for AMD GPUs (needs ROCm)")
xllamacpp_env_option(XLLAMACPP_BUILD_VULKAN "Add the Vulkan module (needs the Vulkan SDK: headers, glslc)")

# Apple's compiler brings all that Metal needs. llama.cpp's own releases for Intel's Macs are without it.
set(metal_default OFF)
set(mac_processor "${CMAKE_OSX_ARCHITECTURES}")
if(NOT mac_processor)
  set(mac_processor "${CMAKE_SYSTEM_PROCESSOR}")
endif()
if(APPLE AND mac_processor STREQUAL "arm64")
  set(metal_default ON)
endif()
option(XLLAMACPP_BUILD_METAL "Add the Metal module for Apple's GPUs" ${metal_default})

if(DEFINED ENV{XLLAMACPP_CPU})
  set(cpu_default "$ENV{XLLAMACPP_CPU}")
else()
  set(cpu_default "all")
endif()
set(XLLAMACPP_CPU "${cpu_default}" CACHE STRING
  "CPU modules: 'all' instruction-set variants, chosen at run time, or one 'native' module for this machine only")
set_property(CACHE XLLAMACPP_CPU PROPERTY STRINGS all native)
if(NOT XLLAMACPP_CPU MATCHES "^(all|native)$")
  message(FATAL_ERROR "XLLAMACPP_CPU is '${XLLAMACPP_CPU}'. Set it to 'all' (portable) or 'native' (this machine only).")
endif()

option(XLLAMACPP_BUILD_CORE   "Build our own C++; without it there are llama.cpp's libraries and modules alone" ON)
option(XLLAMACPP_BUILD_PYTHON "Build the Python extension" ON)
option(XLLAMACPP_BUILD_TESTS  "Build the GoogleTest tests of native/" OFF)

set(XLLAMACPP_LLGUIDANCE "AUTO" CACHE STRING "LLGuidance for structured output: ON, OFF, or AUTO (ON where cargo is found)")
set_property(CACHE XLLAMACPP_LLGUIDANCE PROPERTY STRINGS AUTO ON OFF)

set(XLLAMACPP_MODULES_DIR "" CACHE PATH
  "A folder of backend modules that another build made, such as libggml-cuda.so: they go into the package too")
set(XLLAMACPP_PREBUILT_MODULES)
if(XLLAMACPP_MODULES_DIR)
  set(pattern "${CMAKE_SHARED_MODULE_PREFIX}ggml-*${CMAKE_SHARED_MODULE_SUFFIX}")
  file(GLOB XLLAMACPP_PREBUILT_MODULES "${XLLAMACPP_MODULES_DIR}/${pattern}")
  if(NOT XLLAMACPP_PREBUILT_MODULES)
    message(FATAL_ERROR "XLLAMACPP_MODULES_DIR is '${XLLAMACPP_MODULES_DIR}', which holds no backend module (${pattern}).")
  endif()
endif()

set(XLLAMACPP_MODULE_LIBRARY_DIRS "" CACHE STRING
  "Folders of site-packages where a GPU module looks for its toolkit's libraries, such as nvidia/cublas/lib")

set(XLLAMACPP_LLAMA_CPP_DIR "" CACHE PATH "A checkout of llama.cpp to build instead of the pinned one")
set(XLLAMACPP_SANITIZE "" CACHE STRING "Sanitizers for everything, llama.cpp included: 'address,undefined' or 'thread'")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(XLLAMACPP_SANITIZE)
  # -O1 instead of the build type's level: fast enough for the tests, with stack traces that can be read.
  add_compile_options(-fsanitize=${XLLAMACPP_SANITIZE} -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${XLLAMACPP_SANITIZE})
endif()
