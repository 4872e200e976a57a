// llama.cpp's HTTP listener, with our routes on it.
#pragma once

#include "server/connections.h"
#include "server/routes.h"

#include "server-http.h"

#include <chrono>
#include <string>

namespace xllamacpp {

class listener {
  public:
    /// Opens the socket. It answers that the model is being loaded until set_ready(). Throws std::runtime_error where
    /// the socket cannot be opened, or llama.cpp refuses its configuration.
    listener(const common_params & params, const route_table & routes);

    void set_ready() { http_.is_ready = true; }

    /// "http://127.0.0.1:43127", the first of them; empty where there is none.
    std::string address() const { return http_.listening_addresses.empty() ? "" : http_.listening_addresses.front(); }

    connections clients() const { return connections(http_.listening_addresses); }

    /// Closes the socket. Answers that are being sent have `patience` to reach their clients.
    void stop(std::chrono::milliseconds patience);

  private:
    server_http_context http_;
};

}  // namespace xllamacpp
