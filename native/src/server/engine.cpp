#include "server/engine.h"

#include "requests/embeddings.h"

#include "common.h"
#include "server-stream.h"
#include "system/threads.h"

#include <mutex>
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

namespace {

/// The model's handlers, with ours around those that need the server's parameters.
const server_routes & completed(server_routes & handlers, const common_params & params, adapter_scales & adapters) {
    handlers.post_embeddings_oai = shortened(handlers.post_embeddings_oai, params);
    handlers.post_lora_adapters  = [&adapters, set = handlers.post_lora_adapters](const server_http_req & request) {
        adapters.check(request.body);
        server_http_res_ptr response = set(request);
        if (response->status == 200 && !response->data.empty()) {
            adapters.set(request.body);
        }
        return response;
    };
    return handlers;
}

}  // namespace

engine::engine(const common_params & params, adapter_scales & adapters, request_gate & gate)
    : model(params, gate, facts), front(params, model),
      routes(params, completed(front.handlers, params, adapters), tools, started(mcp, params),
             model_filters(params, facts, adapters), {}, gate),
      // Before the load, so that /health can say that the model is being loaded.
      http(params, routes) {}

}  // namespace xllamacpp
