# The Python extension, and what the wheel installs: component "xllamacpp" and nothing else of any subproject.
include_guard()

find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module ${SKBUILD_SABI_COMPONENT})
find_package(Cython MODULE REQUIRED VERSION 3.1)
include(UseCython)

set(package_dir "${CMAKE_CURRENT_SOURCE_DIR}/../xllamacpp")
cython_transpile("${package_dir}/_native/_core.pyx" LANGUAGE CXX OUTPUT_VARIABLE core_cpp)

if(SKBUILD_SABI_VERSION)
  python_add_library(_core MODULE WITH_SOABI USE_SABI ${SKBUILD_SABI_VERSION} "${core_cpp}")
else()
  python_add_library(_core MODULE WITH_SOABI "${core_cpp}")
endif()
target_link_libraries(_core PRIVATE xllamacpp_core)
set_target_properties(_core PROPERTIES
  INSTALL_RPATH "${XLLAMACPP_ORIGIN}/../lib"
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
if(UNIX AND NOT APPLE)
  # The static libraries' symbols stay inside: another package's httplib or llguidance must not meet ours.
  target_link_options(_core PRIVATE "LINKER:--exclude-libs,ALL")
endif()

install(TARGETS _core DESTINATION xllamacpp/_native COMPONENT xllamacpp)
install(FILES "${XLLAMACPP_BUILD_INFO}" DESTINATION xllamacpp/_native COMPONENT xllamacpp)
# Nothing links to a module, so the extension does not bring them into the build by itself.
add_dependencies(_core ${XLLAMACPP_MODULES})
install(TARGETS ${XLLAMACPP_LIBRARIES} ${XLLAMACPP_MODULES}
  LIBRARY DESTINATION xllamacpp/lib COMPONENT xllamacpp
  RUNTIME DESTINATION xllamacpp/lib COMPONENT xllamacpp)
install(PROGRAMS ${XLLAMACPP_PREBUILT_MODULES} DESTINATION xllamacpp/lib COMPONENT xllamacpp)

# The licences of what is inside, beside our own.
if(SKBUILD_METADATA_DIR)
  set(licenses "${SKBUILD_METADATA_DIR}/licenses")
  install(FILES "${LLAMA_CPP_DIR}/LICENSE" DESTINATION "${licenses}/llama.cpp" COMPONENT xllamacpp)
  install(DIRECTORY "${LLAMA_CPP_DIR}/licenses/" DESTINATION "${licenses}/llama.cpp" COMPONENT xllamacpp)
  install(FILES "${LLAMA_CPP_DIR}/vendor/cpp-httplib/LICENSE" DESTINATION "${licenses}/cpp-httplib" COMPONENT xllamacpp)
  if(XLLAMACPP_HAS_LLGUIDANCE)
    install(FILES "${XLLAMACPP_LLGUIDANCE_DIR}/LICENSE" DESTINATION "${licenses}/llguidance" COMPONENT xllamacpp)
  endif()
endif()
