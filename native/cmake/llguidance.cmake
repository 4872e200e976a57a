# LLGuidance as a static library inside llama-common, from the crate in native/llguidance (Cargo.lock committed).
include_guard()

set(XLLAMACPP_HAS_LLGUIDANCE OFF)
if(XLLAMACPP_LLGUIDANCE STREQUAL "OFF")
  return()
endif()

find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT CARGO_EXECUTABLE)
  set(problem "cargo was not found, so this build has no LLGuidance: JSON schemas go through llama.cpp's own GBNF "
    "grammars, which are slower and know fewer of JSON Schema's keywords, and Lark grammars are refused. "
    "Install Rust (Debian: apt install cargo; elsewhere: rustup) and build again to have it.")
  list(JOIN problem "" problem)
  if(XLLAMACPP_LLGUIDANCE STREQUAL "ON")
    message(FATAL_ERROR "${problem}")
  endif()
  message(WARNING "${problem}")
  return()
endif()

set(crate "${CMAKE_CURRENT_SOURCE_DIR}/llguidance")
# Shared by all build trees: the crate is the same in each, and a minute of work.
set(target_dir "${XLLAMACPP_BUILD_CACHE}/llguidance")
set(target_options)
if(XLLAMACPP_RUST_TARGET)
  # The crate makes a shared library of itself too, which nobody needs, and rustc would link it with this machine's cc.
  list(TRANSFORM XLLAMACPP_RUST_LINK_OPTIONS REPLACE "(.+)" "\"-Clink-arg=\\1\"" OUTPUT_VARIABLE rust_flags)
  list(JOIN rust_flags ", " rust_flags)
  set(target_options
    --target "${XLLAMACPP_RUST_TARGET}"
    --config "target.${XLLAMACPP_RUST_TARGET}.linker=\"${CMAKE_C_COMPILER}\""
    --config "target.${XLLAMACPP_RUST_TARGET}.rustflags=[${rust_flags}]")
endif()
set(library "${target_dir}/${XLLAMACPP_RUST_TARGET}/release/${CMAKE_STATIC_LIBRARY_PREFIX}xllamacpp_llguidance${CMAKE_STATIC_LIBRARY_SUFFIX}")

# The published crate carries its C header; cargo tells where it unpacked it.
execute_process(
  COMMAND "${CARGO_EXECUTABLE}" metadata --format-version 1 --locked --manifest-path "${crate}/Cargo.toml"
  OUTPUT_VARIABLE metadata ERROR_VARIABLE cargo_problem RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "cargo could not fetch the llguidance crate:\n${cargo_problem}\n"
    "Make crates.io (or your mirror of it) reachable, or build without it: -DXLLAMACPP_LLGUIDANCE=OFF")
endif()
string(REGEX MATCH "\"manifest_path\":\"([^\"]*/llguidance-([0-9.]+))/Cargo.toml\"" match "${metadata}")
set(XLLAMACPP_LLGUIDANCE_DIR "${CMAKE_MATCH_1}")
set(XLLAMACPP_LLGUIDANCE_VERSION "${CMAKE_MATCH_2}")
if(NOT EXISTS "${XLLAMACPP_LLGUIDANCE_DIR}/llguidance.h")
  message(FATAL_ERROR "The llguidance crate in '${XLLAMACPP_LLGUIDANCE_DIR}' carries no llguidance.h")
endif()

# Rust's own allocator and panic machinery may meet another Rust library in the process: only llama-common sees these.
add_custom_command(
  OUTPUT "${library}"
  COMMAND "${CARGO_EXECUTABLE}" build --release --locked --quiet
          --manifest-path "${crate}/Cargo.toml" --target-dir "${target_dir}" ${target_options}
  DEPENDS "${crate}/Cargo.toml" "${crate}/Cargo.lock" "${crate}/src/lib.rs"
  COMMENT "Building LLGuidance ${XLLAMACPP_LLGUIDANCE_VERSION}"
  VERBATIM)
add_custom_target(llguidance_library DEPENDS "${library}")
add_dependencies(llama-common llguidance_library)
target_compile_definitions(llama-common PUBLIC LLAMA_USE_LLGUIDANCE)
target_sources(llama-common PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src/grammars/llama_llguidance.cpp")
target_include_directories(llama-common PRIVATE "${XLLAMACPP_LLGUIDANCE_DIR}")
target_link_libraries(llama-common PRIVATE "${library}" ${CMAKE_DL_LIBS})
if(WIN32)
  # What Rust's own library calls there: rustc --print native-static-libs.
  target_link_libraries(llama-common PRIVATE ntdll userenv ws2_32 dbghelp bcrypt)
elseif(NOT APPLE)
  target_link_options(llama-common PRIVATE "LINKER:--exclude-libs,${CMAKE_STATIC_LIBRARY_PREFIX}xllamacpp_llguidance${CMAKE_STATIC_LIBRARY_SUFFIX}")
endif()
set(XLLAMACPP_HAS_LLGUIDANCE ON)
message(STATUS "LLGuidance ${XLLAMACPP_LLGUIDANCE_VERSION}")
