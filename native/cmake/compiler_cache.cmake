# A compiler cache turns a repeated cold build from minutes into seconds; nothing depends on it.
include_guard()

find_program(XLLAMACPP_COMPILER_CACHE NAMES ccache sccache DOC "Compiler cache; empty for none")
if(XLLAMACPP_COMPILER_CACHE)
  foreach(language C CXX CUDA HIP)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER "${XLLAMACPP_COMPILER_CACHE}")
    endif()
  endforeach()
  message(STATUS "Compiler cache: ${XLLAMACPP_COMPILER_CACHE}")
endif()
