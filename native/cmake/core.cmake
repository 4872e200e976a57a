# Our own C++: everything in src/, with the parts of llama.cpp's server that it calls, as one static library.
include_guard()

find_package(Threads REQUIRED)

add_library(xllamacpp_core STATIC
  src/backends.cpp
  src/connections.cpp
  src/cpus.cpp
  src/engine.cpp
  src/exchange.cpp
  src/grammar.cpp
  src/log_queue.cpp
  src/model_metadata.cpp
  src/params.cpp
  src/params_aliases.cpp
  src/params_arguments.cpp
  src/params_attributes.cpp
  src/params_command_line.cpp
  src/params_devices.cpp
  src/params_enums.cpp
  src/params_fields_compute.cpp
  src/params_fields_model.cpp
  src/params_fields_programs.cpp
  src/params_fields_sampling.cpp
  src/params_fields_server.cpp
  src/params_fields_speculative.cpp
  src/params_files.cpp
  src/params_kv_override.cpp
  src/params_model_rules.cpp
  src/params_prepare.cpp
  src/params_rendering.cpp
  src/params_rules.cpp
  src/params_table.cpp
  src/params_value.cpp
  src/request_body.cpp
  src/request_faults.cpp
  src/request_gate.cpp
  src/request_options.cpp
  src/response_events.cpp
  src/routes.cpp
  src/server.cpp
  src/stream.cpp
  src/structured_output.cpp
  src/threads.cpp
)
target_include_directories(xllamacpp_core
  PUBLIC  include
  PRIVATE src)

# llama.cpp builds these two into a library together with its command line, which installs signal handlers. The
# library target's own properties say what they need.
add_library(llama_server_http OBJECT EXCLUDE_FROM_ALL
  "${LLAMA_CPP_DIR}/tools/server/server-http.cpp"
  "${LLAMA_CPP_DIR}/tools/server/server-models.cpp")
target_link_libraries(llama_server_http PUBLIC server-context llama-ui cpp-httplib)
target_include_directories(llama_server_http SYSTEM
  PUBLIC  "${LLAMA_CPP_DIR}/tools/server"
  PRIVATE "${LLAMA_CPP_DIR}/tools/mtmd" "${LLAMA_CPP_DIR}")
add_dependencies(llama_server_http llama-ui-assets)
target_compile_options(llama_server_http PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-w>)

target_link_libraries(xllamacpp_core
  PRIVATE llama_server_http server-context llama-ui cpp-httplib llama-common mtmd llama Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(xllamacpp_core SYSTEM PRIVATE
  "${LLAMA_CPP_DIR}/tools/server" "${LLAMA_CPP_DIR}/tools/mtmd" "${LLAMA_CPP_DIR}")

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(xllamacpp_core PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
endif()
