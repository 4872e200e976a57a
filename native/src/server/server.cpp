#include "xllamacpp/server.h"

#include "server/engine.h"
#include "server/exchange.h"
#include "system/freed_memory.h"
#include "grammars/llama_llguidance.h"
#include "system/log_queue.h"
#include "params/files.h"
#include "params/model_rules.h"
#include "params/native.h"
#include "params/rules.h"
#include "router/state_reports.h"
#include "system/threads.h"

#include "arg.h"
#include "common.h"
#include "log.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace xllamacpp {

namespace {

const char * const closed_reason   = "the server was closed";
const char * const draining_reason = "the server is draining: it takes no new requests";

/// How long clients may take to receive an end or the rest of their answers. llama.cpp's handlers look once a second
/// whether to stop; with what `xllamacpp serve` waits before, it is less than `docker stop` waits.
constexpr std::chrono::milliseconds clients_patience{1250};

}  // namespace

class server::impl {
  public:
    impl(const params & p, int report_to) : params_(p.get_native().value), adapters_(params_), reports_(report_to) {
        thread_ = start_quiet_thread([this] { run(); });
    }

    bool is_usable() const { return home_.is_this(); }

    ~impl() { close(); }
    impl(const impl &)             = delete;
    impl & operator=(const impl &) = delete;

    server_state state() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return state_;
    }

    float progress() const { return progress_; }

    server_state wait_loaded(int timeout_ms) const {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                          [this] { return state_ != server_state::loading; });
        return state_;
    }

    std::string error() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return error_;
    }

    bool is_refused() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return is_refused_;
    }

    std::vector<log_line> error_log() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return error_log_;
    }

    std::string listening_address() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return listening_address_;
    }

    std::vector<std::string> routes() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<std::string>          lines;
        if (engine_) {
            for (const route & r : engine_->routes.routes()) {
                lines.push_back(r.method + " " + r.path);
            }
        }
        return lines;
    }

    stream request(request_parts parts);
    bool   drain(int timeout_ms);
    void   close();

  private:
    void run();
    void load(std::vector<log_line> & log);
    void load_model();
    void become_ready();
    void tear_down();
    void set_state(server_state state, const std::string & error, const std::vector<log_line> & log);
    void end_requests();

    // Read by llama.cpp for as long as the engine lives.
    common_params       params_;
    adapter_scales      adapters_;
    const state_reports reports_;
    std::atomic<float>  progress_{0.0f};
    request_gate        gate_;
    thread_pool         workers_;

    mutable std::mutex                   mutex_;
    mutable std::condition_variable      changed_;
    server_state                         state_ = server_state::loading;
    std::string                          error_;
    bool                                 is_refused_ = false;
    std::vector<log_line>                error_log_;
    std::string                          listening_address_;
    std::vector<std::weak_ptr<exchange>> exchanges_;
    // Made and destroyed by thread_ alone, each under mutex_; there while the state is ready.
    std::unique_ptr<engine> engine_;

    const home_process home_;
    std::mutex         close_mutex_;
    std::thread        thread_;
};

void server::impl::set_state(server_state state, const std::string & error, const std::vector<log_line> & log) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        state_     = state;
        error_     = error;
        error_log_ = log;
    }
    changed_.notify_all();
}

/// The whole life of a server, on its own thread: llama.cpp wants a context to be used by the thread that loaded it.
void server::impl::run() {
    server_state          last = server_state::closed;
    std::string           problem;
    std::vector<log_line> log;
    try {
        load(log);
        engine_->model.run([this] { become_ready(); });
    } catch (const load_cancelled &) {
        problem = closed_reason;
    } catch (const parameter_error & e) {
        last    = server_state::failed;
        problem = e.what();
        const std::lock_guard<std::mutex> lock(mutex_);
        is_refused_ = true;
    } catch (const std::exception & e) {
        last    = server_state::failed;
        problem = e.what();
    } catch (...) {
        last    = server_state::failed;
        problem = "unknown C++ exception";
    }
    if (last == server_state::failed && !gate_.is_open()) {
        // A load that is cancelled in the middle comes out as whatever the interrupted code made of it.
        last = server_state::closed;
    }
    set_state(last, problem, log);
    tear_down();
}

/// On failure `log` receives the warnings and errors of the load.
void server::impl::load(std::vector<log_line> & log) {
    const log_capture capture;
    try {
        load_model();
    } catch (...) {
        log = capture.lines();
        throw;
    }
}

void server::impl::load_model() {
    if (params_.model.path.empty() && params_.model.hf_repo.empty() && params_.model.url.empty() &&
        params_.model.docker_repo.empty()) {
        if (!params_.models_dir.empty() || !params_.models_preset.empty()) {
            throw parameter_error("models_dir and models_preset are for 'xllamacpp serve', which starts a process for "
                                  "each model; a server in a program has one: set model.path");
        }
        throw std::runtime_error("no model is set; set model.path to a GGUF file");
    }
    common_log_set_verbosity_thold(params_.verbosity);
    check_rules(params_);
    check_files(params_);
    // llama.cpp's own ways to name a model that is not here yet (repositories, URLs).
    common_models_handler downloads;
    if (!params_.model.hf_repo.empty()) {
        downloads = common_models_handler_init(params_, LLAMA_EXAMPLE_SERVER);
    }
    common_models_handler_apply(downloads, params_);
    prepare(params_);
    check_model(params_);
    llama_numa_init(params_.numa);

    auto made = std::make_unique<engine>(params_, adapters_, gate_);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        engine_            = std::move(made);
        listening_address_ = engine_->http.address();
    }
    engine_->model.tell([this](::server_state state, const common_json & payload) { reports_.send(state, payload); });
    engine_->model.load([this](float part) {
        progress_ = part;
        if (!gate_.is_open()) {
            throw load_cancelled();
        }
    });
    if (!gate_.is_open()) {
        throw load_cancelled();
    }
    progress_ = 1.0f;
}

void server::impl::become_ready() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (state_ != server_state::loading) {
            return;
        }
        engine_->http.set_ready();
        state_ = server_state::ready;
    }
    changed_.notify_all();
}

void server::impl::tear_down() {
    end_requests();
    std::unique_ptr<engine> gone;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        gone = std::move(engine_);
    }
    if (gone) {
        gone->http.stop(clients_patience);
    }
    forget_tokenizers();
    gone.reset();
    return_freed_memory();
}

/// Tells the requests under way to stop, and waits until the last one is out.
void server::impl::end_requests() {
    gate_.shut();
    std::vector<std::weak_ptr<exchange>> open;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        open.swap(exchanges_);
        if (engine_) {
            engine_->mcp.shutdown();  // A request may be waiting for a tool.
        }
    }
    for (const std::weak_ptr<exchange> & weak : open) {
        if (const std::shared_ptr<exchange> e = weak.lock()) {
            e->cancel(closed_reason);
        }
    }
    if (!gate_.wait_empty_for(clients_patience)) {
        // What is left waits for a client that takes no more of its answer.
        const std::lock_guard<std::mutex> lock(mutex_);
        if (engine_) {
            engine_->http.clients().hang_up();
        }
    }
    gate_.wait_empty();
}

bool server::impl::drain(int timeout_ms) {
    gate_.drain();
    return gate_.wait_empty_for(std::chrono::milliseconds(timeout_ms));
}

void server::impl::close() {
    const std::lock_guard<std::mutex> one_at_a_time(close_mutex_);
    if (!thread_.joinable()) {
        return;
    }
    end_requests();
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return state_ != server_state::loading; });
    if (state_ == server_state::ready) {
        engine_->model.stop();
    }
    lock.unlock();
    thread_.join();
    workers_.join();
}

stream server::impl::request(request_parts parts) {
    auto                               shared   = std::make_shared<exchange>();
    const size_t                       question = parts.path.find('?');
    const std::string                  path     = parts.path.substr(0, question);
    std::map<std::string, std::string> parameters;
    if (question != std::string::npos) {
        parameters = parse_query(parts.path.substr(question + 1));
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state_ != server_state::ready || !gate_.is_open() || !engine_) {
        shared->cancel(state_ == server_state::failed                       ? "the server failed: " + error_
                       : state_ == server_state::ready && !gate_.is_shut()  ? draining_reason
                       : state_ == server_state::loading && gate_.is_open() ? "the model is still being loaded"
                                                                            : closed_reason);
        return stream(shared);
    }
    const handler handle = engine_->routes.find(parts.method, path, parameters);
    exchanges_.erase(
        std::remove_if(exchanges_.begin(), exchanges_.end(), [](const auto & weak) { return weak.expired(); }),
        exchanges_.end());
    exchanges_.push_back(shared);
    workers_.run([shared, handle, parts = std::move(parts), parameters = std::move(parameters)] {
        shared->run(handle, parts, parameters);
    });
    return stream(shared);
}

void server::impl_deleter::operator()(impl * owned) const {
    if (owned->is_usable()) {
        delete owned;
    }
}

server::server() = default;
server::server(const params & p, int report_to) : impl_(new impl(p, report_to)) {}
server::~server()                              = default;
server::server(server &&) noexcept             = default;
server & server::operator=(server &&) noexcept = default;

server::impl * server::live() const { return impl_ && impl_->is_usable() ? impl_.get() : nullptr; }

server_state server::state() const { return live() ? live()->state() : server_state::closed; }
float        server::progress() const { return live() ? live()->progress() : 0.0f; }
std::string  server::error() const { return live() ? live()->error() : ""; }
bool         server::is_refused() const { return live() && live()->is_refused(); }
std::string  server::listening_address() const { return live() ? live()->listening_address() : ""; }

server_state server::wait_loaded(int timeout_ms) const {
    return live() ? live()->wait_loaded(timeout_ms) : server_state::closed;
}

std::vector<log_line>    server::error_log() const { return live() ? live()->error_log() : std::vector<log_line>{}; }
std::vector<std::string> server::routes() const { return live() ? live()->routes() : std::vector<std::string>{}; }

stream server::request(const std::string & method, const std::string & path, const std::string & body,
                       const std::map<std::string, std::string> & headers) {
    if (!live()) {
        auto closed = std::make_shared<exchange>();
        closed->cancel(closed_reason);
        return stream(closed);
    }
    return live()->request({method, path, body, headers});
}

bool server::drain(int timeout_ms) { return !live() || live()->drain(timeout_ms); }

void server::close() {
    if (live()) {
        live()->close();
    }
}

}  // namespace xllamacpp
