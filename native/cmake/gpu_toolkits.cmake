# Looks for what the GPU switches need, and says how to get it: ggml's own lists stop at whichever file they miss first.
include_guard()

include(CheckLanguage)

# Ends the build where `found` is false.
function(xllamacpp_require_toolkit switch found missing advice)
  if(NOT found)
    message(FATAL_ERROR "${switch} is on, but ${missing} was not found.\n${advice}\n"
      "Without ${switch} the build is for the CPU alone.")
  endif()
endfunction()

if(XLLAMACPP_BUILD_CUDA)
  check_language(CUDA)
  xllamacpp_require_toolkit(XLLAMACPP_BUILD_CUDA "${CMAKE_CUDA_COMPILER}" "a CUDA compiler (nvcc) that works"
    "Install the CUDA toolkit and put nvcc on PATH, or name it: CUDACXX=/usr/local/cuda/bin/nvcc. \
Where nvcc is there but your C++ compiler is too new for it, name an older one: CUDAHOSTCXX=g++-13.")
endif()

if(XLLAMACPP_BUILD_HIP)
  check_language(HIP)
  xllamacpp_require_toolkit(XLLAMACPP_BUILD_HIP "${CMAKE_HIP_COMPILER}" "a HIP compiler that works"
    "Install ROCm with its hipBLAS and rocBLAS development files, and name its compiler where it is not found by \
itself: HIPCXX=/opt/rocm/llvm/bin/clang++, and ROCM_PATH where ROCm is not in /opt/rocm.")
endif()

if(XLLAMACPP_BUILD_VULKAN)
  # Before the search, as in ggml's own lists.
  if(DEFINED ENV{VULKAN_SDK})
    list(APPEND CMAKE_PREFIX_PATH "$ENV{VULKAN_SDK}")
  endif()
  set(advice "Install the Vulkan SDK and set VULKAN_SDK to it, or your distribution's packages \
(Debian 13, Ubuntu 24.04 and newer: apt install libvulkan-dev glslc spirv-headers).")
  find_package(Vulkan COMPONENTS glslc QUIET)
  xllamacpp_require_toolkit(XLLAMACPP_BUILD_VULKAN "${Vulkan_FOUND}" "Vulkan's headers, loader or shader compiler (glslc)"
    "${advice}")
  # ggml-vulkan.cpp uses this extension without asking whether the headers know it.
  set(layer_settings)
  if(EXISTS "${Vulkan_INCLUDE_DIR}/vulkan/vulkan_core.h")
    file(STRINGS "${Vulkan_INCLUDE_DIR}/vulkan/vulkan_core.h" layer_settings REGEX "define VK_EXT_layer_settings 1")
  endif()
  xllamacpp_require_toolkit(XLLAMACPP_BUILD_VULKAN "${layer_settings}"
    "VK_EXT_layer_settings in ${Vulkan_INCLUDE_DIR} (version ${Vulkan_VERSION}: too old)" "${advice}")
  find_package(SPIRV-Headers CONFIG QUIET)
  xllamacpp_require_toolkit(XLLAMACPP_BUILD_VULKAN "${SPIRV-Headers_FOUND}" "SPIRV-Headers" "${advice}")
endif()
