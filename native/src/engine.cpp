#include "engine.h"

#include "common.h"
#include "server-stream.h"
#include "threads.h"

#include <csignal>
#include <mutex>
#include <stdexcept>
#include <system_error>

#ifndef _WIN32
#    include <pthread.h>
#endif

namespace xllamacpp {

namespace {

struct lease_count {
    std::mutex mutex;
    int        count = 0;

    lease_count();

    void before_fork() {
        mutex.lock();
        if (count > 0) {
            server_stream_session_manager_stop();
        }
    }

    void after_fork(bool is_child) {
        if (is_child) {
            count = 0;
        }
        if (count > 0) {
            const signal_block block;
            try {
                server_stream_session_manager_start();
            } catch (const std::system_error &) {
                // No thread is to be had: streams that ended are kept for longer. The fork itself must not fail.
            }
        }
        mutex.unlock();
    }
};

// Never destroyed: a fork may come while the process exits.
lease_count & the_lease_count() {
    static lease_count * instance = new lease_count;
    return *instance;
}

/// In the child of a fork the manager would wait for its thread for ever, or crash, at exit at the latest. So it has
/// none at that moment, and its streams end: a client cannot take up again what it left before the fork.
lease_count::lease_count() {
#ifndef _WIN32
    pthread_atfork([] { the_lease_count().before_fork(); }, [] { the_lease_count().after_fork(false); },
                   [] { the_lease_count().after_fork(true); });
#endif
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
    : handlers(params, context), routes(params, handlers, tools, started(mcp, params), model, gate) {
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
        const char * tls = params.ssl_file_key.empty()
                               ? ""
                               : ". For HTTPS, ssl_file_key and ssl_file_cert must be a pair in PEM format";
        throw std::runtime_error("the HTTP server could not listen on " + address +
                                 ": is the port in use, or the address not this machine's? Port 0 takes a free one" +
                                 tls);
    }
}

void engine::stop_listening(std::chrono::milliseconds patience) {
    const auto        deadline = std::chrono::steady_clock::now() + patience;
    const connections left     = clients();
    http.stop();
    // Each time again: the last one accepted may not have been looked at yet.
    for (left.stop_reading(); left.count() > 0; left.stop_reading()) {
        if (std::chrono::steady_clock::now() > deadline) {
            left.hang_up();
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    http.join();
}

}  // namespace xllamacpp
