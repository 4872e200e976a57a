#include "xllamacpp/router.h"

#include "server/listener.h"
#include "system/log_queue.h"
#include "params/files.h"
#include "params/native.h"
#include "params/rules.h"
#include "router/routes.h"
#include "system/threads.h"

#include "log.h"
#include "server-mcp.h"
#include "server-tools.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace xllamacpp {

namespace {

/// How long clients may take to receive an end or the rest of their answers.
constexpr std::chrono::milliseconds clients_patience{1250};

/// How often a router that ends looks whether a request still waits for a model.
constexpr std::chrono::milliseconds between_looks{250};

// llama.cpp starts the executable of its own process, which here is Python's, without a way to choose another. An
// explicit instantiation is the one place where the language lets a private member be named.
template <class Name, typename Name::type member> struct reveal {
    friend typename Name::type member_of(Name) { return member; }
};

struct executable_member {
    using type = std::string server_models::*;
    friend type              member_of(executable_member);
};

template struct reveal<executable_member, &server_models::bin_path>;

common_params prepared(common_params value) {
    log_install();
    common_log_set_verbosity_thold(value.verbosity);
    check_rules(value);
    check_files(value);
    prepare(value);
    return value;
}

std::unique_ptr<server_models_routes> list_models(const common_params & params, const std::string & executable,
                                                  std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), executable);
    std::vector<char *> words;
    words.reserve(arguments.size());
    for (std::string & argument : arguments) {
        words.push_back(argument.data());
    }
    try {
        auto made = std::make_unique<server_models_routes>(params, static_cast<int>(words.size()), words.data());
        made->models.*member_of(executable_member{}) = executable;
        return made;
    } catch (const std::exception & e) {
        throw parameter_error(std::string("the models cannot be listed: ") + e.what());
    }
}

}  // namespace

class router::impl {
  public:
    impl(const params & p, const std::string & executable, const std::vector<std::string> & arguments)
        : params_(prepared(p.get_native().value)), handlers_(params_, context_) {
        mcp_.start(params_);
        models_ = list_models(params_, executable, arguments);
        pass_on(handlers_, *models_);
        routes_ = std::make_unique<route_table>(params_, handlers_, tools_, mcp_, request_filters{},
                                                streams_of_models(*models_), gate_);
        add_model_routes(*routes_, *models_);
        listener_ = std::make_unique<listener>(params_, *routes_);
        listener_->set_ready();
        models_->models.load_startup_models();
    }

    std::string listening_address() const { return listener_->address(); }

    bool drain(int timeout_ms) {
        gate_.drain();
        // Whoever follows the states of the models would do so for ever.
        models_->stopping = true;
        return gate_.wait_empty_for(std::chrono::milliseconds(timeout_ms));
    }

    void close();

  private:
    void stop_models();
    void forget_downloads();

    common_params                         params_;
    request_gate                          gate_;
    server_mcp                            mcp_;
    server_tools                          tools_;
    server_context                        context_;
    server_routes                         handlers_;
    std::unique_ptr<server_models_routes> models_;
    std::unique_ptr<route_table>          routes_;
    std::unique_ptr<listener>             listener_;

    std::mutex close_mutex_;
    bool       is_closed_ = false;
};

/// Tells the processes to end. Requests that wait for a model, or for the rest of its answer, end with it.
void router::impl::stop_models() {
    for (const server_model_meta & meta : models_->models.get_all_meta()) {
        if (meta.is_running()) {
            models_->models.unload(meta.name);
        }
    }
}

/// Counts what is being fetched as failed. Its process may be gone without a word, for which llama.cpp would wait for
/// ever; where it is not, it ends with its input.
void router::impl::forget_downloads() {
    for (const server_model_meta & meta : models_->models.get_all_meta()) {
        if (meta.status == SERVER_MODEL_STATUS_DOWNLOADING) {
            models_->models.update_download_progress(meta.name, {}, /* done = */ true, /* ok = */ false);
        }
    }
}

void router::impl::close() {
    const std::lock_guard<std::mutex> one_at_a_time(close_mutex_);
    if (is_closed_) {
        return;
    }
    is_closed_          = true;
    const auto deadline = std::chrono::steady_clock::now() + clients_patience;
    gate_.shut();
    mcp_.shutdown();  // A request may be waiting for a tool.
    models_->stopping = true;
    // Each time again: a request that waited for a place may have started one more.
    while (!gate_.wait_empty_for(between_looks)) {
        forget_downloads();
        stop_models();
        if (std::chrono::steady_clock::now() > deadline) {
            listener_->clients().hang_up();
        }
    }
    listener_->stop(clients_patience);
    forget_downloads();
    models_->models.unload_all();
}

router::router(const params & p, const std::string & executable, const std::vector<std::string> & arguments) {
    const signal_block quiet;
    impl_ = std::make_unique<impl>(p, executable, arguments);
}

router::~router() { close(); }

std::string router::listening_address() const { return impl_->listening_address(); }
bool        router::drain(int timeout_ms) { return impl_->drain(timeout_ms); }
void        router::close() { impl_->close(); }

}  // namespace xllamacpp
