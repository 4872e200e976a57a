// Everything of llama.cpp that one server is made of.
#pragma once

#include "connections.h"
#include "routes.h"

#include "server-context.h"
#include "server-http.h"
#include "server-mcp.h"
#include "server-tools.h"

#include <chrono>

namespace xllamacpp {

/// llama.cpp keeps the streams that a client can take up again in one manager per process, with a thread of its own.
/// It lives as long as any server does.
class stream_manager_lease {
  public:
    stream_manager_lease();
    ~stream_manager_lease();
    stream_manager_lease(const stream_manager_lease &)             = delete;
    stream_manager_lease & operator=(const stream_manager_lease &) = delete;
};

/// The parts in the order in which they are built; each may refer to those above it. `params` and `gate` must outlive
/// the engine. Throws std::runtime_error where the socket cannot be opened or a part refuses its configuration.
struct engine {
    stream_manager_lease streams;
    server_mcp           mcp;
    server_tools         tools;
    server_context       context;
    server_routes        handlers;
    model_facts          model;
    route_table          routes;
    server_http_context  http;

    engine(const common_params & params, request_gate & gate);

    connections clients() const { return connections(http.listening_addresses); }

    /// Closes the socket. Answers that are being sent have `patience` to reach their clients.
    void stop_listening(std::chrono::milliseconds patience);
};

}  // namespace xllamacpp
