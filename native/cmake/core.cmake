# Our own C++: everything in src/, with the parts of llama.cpp's server that it calls, as one static library.
include_guard()

find_package(Threads REQUIRED)

add_library(xllamacpp_core STATIC
  src/grammars/constraints.cpp
  src/grammars/gbnf.cpp
  src/grammars/gbnf_rules.cpp
  src/grammars/gbnf_scanner.cpp
  src/grammars/gbnf_schema.cpp
  src/grammars/grammar.cpp
  src/grammars/lark.cpp
  src/grammars/schema_limits.cpp
  src/grammars/schema_walk.cpp
  src/grammars/structured_output.cpp
  src/grammars/tool_calls.cpp
  src/media/formats.cpp
  src/media/gate.cpp
  src/media/web.cpp
  src/model/front.cpp
  src/model/host.cpp
  src/model/metadata.cpp
  src/model/metrics.cpp
  src/model/slot_files.cpp
  src/params/aliases.cpp
  src/params/arguments.cpp
  src/params/attributes.cpp
  src/params/command_line.cpp
  src/params/devices.cpp
  src/params/enums.cpp
  src/params/fields_compute.cpp
  src/params/fields_model.cpp
  src/params/fields_programs.cpp
  src/params/fields_sampling.cpp
  src/params/fields_server.cpp
  src/params/fields_speculative.cpp
  src/params/files.cpp
  src/params/kv_override.cpp
  src/params/model_rules.cpp
  src/params/params.cpp
  src/params/prepare.cpp
  src/params/rendering.cpp
  src/params/rules.cpp
  src/params/table.cpp
  src/params/value.cpp
  src/requests/adapters.cpp
  src/requests/embeddings.cpp
  src/requests/faults.cpp
  src/requests/json_limits.cpp
  src/requests/limits.cpp
  src/requests/lists.cpp
  src/requests/options.cpp
  src/requests/response_events.cpp
  src/requests/response_items.cpp
  src/requests/tokens.cpp
  src/requests/values.cpp
  src/router/router.cpp
  src/router/routes.cpp
  src/router/state_reports.cpp
  src/server/connections.cpp
  src/server/engine.cpp
  src/server/exchange.cpp
  src/server/listener.cpp
  src/server/request_gate.cpp
  src/server/routes.cpp
  src/server/server.cpp
  src/server/stream.cpp
  src/system/backends.cpp
  src/system/cpus.cpp
  src/system/freed_memory.cpp
  src/system/log_queue.cpp
  src/system/shared_library.cpp
  src/system/threads.cpp
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
# checked (src/media/gate.h).
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
  PRIVATE llama_server_common llama_server_http server-context llama-ui cpp-httplib xllamacpp_openssl llama-common mtmd llama Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(xllamacpp_core SYSTEM PRIVATE
  "${LLAMA_CPP_DIR}/tools/server" "${LLAMA_CPP_DIR}/tools/mtmd" "${LLAMA_CPP_DIR}" "${LLAMA_CPP_DIR}/vendor")

if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(xllamacpp_core PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
endif()
if(WIN32)
  # windows.h defines macros `min` and `max` else, and brings an older version of winsock2.h's contents.
  target_compile_definitions(xllamacpp_core PRIVATE NOMINMAX WIN32_LEAN_AND_MEAN)
endif()
if(MSVC)
  target_compile_options(xllamacpp_core PRIVATE /utf-8 /bigobj)
endif()
