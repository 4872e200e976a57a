// Everything of llama.cpp that one server is made of.
#pragma once

#include "server/listener.h"
#include "model/front.h"
#include "model/host.h"
#include "server/routes.h"

#include "server-context.h"
#include "server-mcp.h"
#include "server-tools.h"

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

/// The parts in the order in which they are built; each may refer to those above it. `params`, `adapters` and `gate`
/// must outlive the engine. Throws std::runtime_error where the socket cannot be opened or a part refuses its
/// configuration.
struct engine {
    stream_manager_lease streams;
    server_mcp           mcp;
    server_tools         tools;
    model_facts          facts;
    model_host           model;
    model_front          front;
    route_table          routes;
    listener             http;

    engine(const common_params & params, adapter_scales & adapters, request_gate & gate);
};

}  // namespace xllamacpp
