#include "engine.h"

#include "common.h"
#include "server-stream.h"

#include <csignal>
#include <stdexcept>

namespace xllamacpp {

namespace {

struct lease_count {
    std::mutex mutex;
    int        count = 0;
};

lease_count & the_lease_count() {
    static lease_count instance;
    return instance;
}

/// cpp-httplib ignores SIGPIPE for the whole process when a listener is made. That is the program's to decide; our
/// own threads block the signal instead.
class sigpipe_keeper {
  public:
#ifdef _WIN32
    sigpipe_keeper() = default;
#else
    sigpipe_keeper() { sigaction(SIGPIPE, nullptr, &found_); }
    ~sigpipe_keeper() { sigaction(SIGPIPE, &found_, nullptr); }
#endif
    sigpipe_keeper(const sigpipe_keeper &)             = delete;
    sigpipe_keeper & operator=(const sigpipe_keeper &) = delete;

#ifndef _WIN32
  private:
    struct sigaction found_{};
#endif
};

server_mcp & started(server_mcp & mcp, const common_params & params) {
    mcp.start(params);
    return mcp;
}

}  // namespace

stream_manager_lease::stream_manager_lease() {
    lease_count &                     leases = the_lease_count();
    const std::lock_guard<std::mutex> lock(leases.mutex);
    if (leases.count++ == 0) {
        server_stream_session_manager_start();
    }
}

stream_manager_lease::~stream_manager_lease() {
    lease_count &                     leases = the_lease_count();
    const std::lock_guard<std::mutex> lock(leases.mutex);
    if (--leases.count == 0) {
        server_stream_session_manager_stop();
    }
}

engine::engine(const common_params & params, request_gate & gate)
    : handlers(params, context), routes(params, handlers, tools, started(mcp, params), reasoning, gate) {
    {
        const sigpipe_keeper keeper;
        if (!http.init(params)) {
            throw std::runtime_error("the HTTP server refused its configuration");
        }
    }
    routes.attach(http);
    // Before the load, so that /health can say that the model is being loaded.
    if (!http.start()) {
        std::string address;
        for (const std::string & host : params.hostnames) {
            address += (address.empty() ? "" : ", ") + host + ":" + std::to_string(params.port);
        }
        throw std::runtime_error("the HTTP server could not listen on " + address +
                                 ": is the port in use, or the address not this machine's? Port 0 takes a free one");
    }
}

}  // namespace xllamacpp
