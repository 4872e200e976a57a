# Where GPU modules look for the libraries of their toolkit before the system's: in the packages that an extra of the
# wheel installs beside ours.
include_guard()

set(module_runpath "${XLLAMACPP_ORIGIN}")
foreach(folder IN LISTS XLLAMACPP_MODULE_LIBRARY_DIRS)
  if(IS_ABSOLUTE "${folder}" OR folder MATCHES "(^|/)\\.\\.(/|$)")
    message(FATAL_ERROR "XLLAMACPP_MODULE_LIBRARY_DIRS has '${folder}'. Give paths from site-packages on, such as \
nvidia/cublas/lib.")
  endif()
  # From site-packages/xllamacpp/lib.
  list(APPEND module_runpath "${XLLAMACPP_ORIGIN}/../../${folder}")
endforeach()
foreach(module IN ITEMS ggml-cuda ggml-hip ggml-vulkan)
  if(TARGET ${module})
    set_property(TARGET ${module} PROPERTY INSTALL_RPATH "${module_runpath}")
  endif()
endforeach()
