# Our own C++: everything in src/, with the parts of llama.cpp's server that it calls, as one static library.
include_guard()

find_package(Threads REQUIRED)

add_library(xllamacpp_core STATIC
  src/backends.cpp
  src/client_errors.cpp
  src/connections.cpp
  src/constraints.cpp
  src/cpus.cpp
  src/engine.cpp
  src/exchange.cpp
  src/freed_memory.cpp
  src/gbnf.cpp
  src/gbnf_rules.cpp
  src/gbnf_scanner.cpp
  src/gbnf_schema.cpp
  src/grammar.cpp
  src/json_limits.cpp
  src/lark.cpp
  src/listener.cpp
  src/log_queue.cpp
  src/media_download.cpp
  src/media_formats.cpp
  src/media_gate.cpp
  src/metrics.cpp
  src/model_front.cpp
  src/model_host.cpp
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
  src/request_adapters.cpp
  src/request_body.cpp
  src/request_embeddings.cpp
  src/request_faults.cpp
  src/request_gate.cpp
  src/request_limits.cpp
  src/request_lists.cpp
  src/request_options.cpp
  src/request_values.cpp
  src/response_events.cpp
  src/router.cpp
  src/router_routes.cpp
  src/routes.cpp
  src/schema_limits.cpp
  src/schema_walk.cpp
  src/server.cpp
  src/slot_files.cpp
  src/state_reports.cpp
  src/stream.cpp
  src/structured_output.cpp
  src/threads.cpp
  src/tool_calls.cpp
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

# Images and sounds come into a server in this one file. It calls ours in place of llama.cpp's functions, to have them
# checked (src/media_gate.h).
add_library(llama_server_common OBJECT EXCLUDE_FROM_ALL "${LLAMA_CPP_DIR}/tools/server/server-common.cpp")
target_link_libraries(llama_server_common PUBLIC server-context)
target_include_directories(llama_server_common SYSTEM
  PRIVATE "${LLAMA_CPP_DIR}/tools/server" "${LLAMA_CPP_DIR}/tools/mtmd" "${LLAMA_CPP_DIR}")
target_compile_definitions(llama_server_common PRIVATE
  common_remote_get_content=xllamacpp_media_download
  fs_validate_filename=xllamacpp_media_file_name
  mtmd_helper_bitmap_init_from_buf=xllamacpp_media_decode
  mtmd_tokenize=xllamacpp_media_tokenize)
target_compile_options(llama_server_common PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-w>)

target_link_libraries(xllamacpp_core
  PRIVATE llama_server_common llama_server_http server-context llama-ui cpp-httplib llama-common mtmd llama Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(xllamacpp_core SYSTEM PRIVATE
  "${LLAMA_CPP_DIR}/tools/server" "${LLAMA_CPP_DIR}/tools/mtmd" "${LLAMA_CPP_DIR}" "${LLAMA_CPP_DIR}/vendor")

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(xllamacpp_core PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
endif()
