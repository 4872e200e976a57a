# Builds for 64-bit ARM under Linux on another machine: Clang, with the headers and libraries of an ARM Debian.
# docs/platforms.md has the commands. Debian 12's GCC does not know ARMv9.2 with SME.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(XLLAMACPP_SYSROOT "" CACHE PATH "The root of a Debian for ARM, with libssl-dev, libstdc++-N-dev and libpython3-dev")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES XLLAMACPP_SYSROOT)
set(CMAKE_SYSROOT "${XLLAMACPP_SYSROOT}")

set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_CXX_COMPILER clang++ CACHE STRING "")
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET aarch64-linux-gnu)
endforeach()
foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-fuse-ld=lld")
endforeach()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)

# What cargo calls it, and how to link there (llguidance.cmake).
set(XLLAMACPP_RUST_TARGET aarch64-unknown-linux-gnu)
set(XLLAMACPP_RUST_LINK_OPTIONS --target=aarch64-linux-gnu "--sysroot=${XLLAMACPP_SYSROOT}" -fuse-ld=lld)
