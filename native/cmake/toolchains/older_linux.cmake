# Builds by this machine's GCC for an older C library and libstdc++ than its own: those in XLLAMACPP_SYSROOT, which
# Dockerfiles/scripts/make_sysroot makes.
set(XLLAMACPP_SYSROOT "" CACHE PATH "A folder with the C library and libstdc++ to build for")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES XLLAMACPP_SYSROOT)
set(CMAKE_SYSROOT "${XLLAMACPP_SYSROOT}")

# GCC looks beside itself first, sysroot or not, and would find this machine's libraries and start files there.
file(GLOB library_dir "${XLLAMACPP_SYSROOT}/usr/lib/*-linux-gnu")
foreach(kind EXE SHARED MODULE)
  # Threads are no part of an older C library: what uses them without saying so would link to symbols of no version.
  # Of the static libstdc++ nothing is seen outside: another library in the process has pieces of its own.
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-B${library_dir} -pthread -Wl,--exclude-libs,libstdc++_rest.a")
endforeach()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
