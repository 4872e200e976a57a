#include "model/host.h"

#include "system/freed_memory.h"
#include "grammars/llama_llguidance.h"
#include "system/log_queue.h"
#include "model/metrics.h"
#include "params/files.h"
#include "params/model_rules.h"
#include "system/threads.h"

#include <set>

namespace xllamacpp {

namespace {

/// How often a request that waits for a sleeping model looks whether it is still wanted.
constexpr std::chrono::milliseconds look_interval{100};

/// What llama.cpp said about a failed load, once each.
std::string reasons(const std::vector<log_line> & lines) {
    std::string           text;
    std::set<std::string> told;
    for (const log_line & line : lines) {
        if (line.level >= log_level_error && told.insert(line.text).second) {
            text += "; " + line.text;
        }
    }
    return text;
}

/// Ends and joins a thread at the end of a block.
class scoped_thread {
  public:
    scoped_thread(std::thread && thread, std::function<void()> end)
        : thread_(std::move(thread)), end_(std::move(end)) {}
    ~scoped_thread() {
        end_();
        thread_.join();
    }
    scoped_thread(const scoped_thread &)             = delete;
    scoped_thread & operator=(const scoped_thread &) = delete;

  private:
    std::thread           thread_;
    std::function<void()> end_;
};

}  // namespace

server_task_result_ptr loaded_model::ask(server_task && task, const std::function<bool()> & should_stop) {
    server_response_reader reader = context.get_response_reader();
    task.id                       = reader.get_new_id();
    reader.post_task(std::move(task), /* front = */ true);
    return reader.next(should_stop);
}

void model_host::load(const std::function<void(float)> & on_progress) { load_model(params_, on_progress); }

void model_host::load_model(const common_params & params, const std::function<void(float)> & on_progress) {
    auto made                       = std::make_unique<loaded_model>(params);
    made->params.sleep_idle_seconds = -1;
    made->context.set_state_callback([this, on_progress](::server_state loading, const common_json & payload) {
        report(loading, payload);
        if (payload.contains("value")) {
            on_progress(payload.at("value").get<float>());
        }
    });
    if (!made->context.load_model(made->params)) {
        throw std::runtime_error("llama.cpp could not load '" + params.model.get_name() + "'");
    }
    made->handlers.update_meta(made->context);
    const server_context_meta meta    = made->context.get_meta();
    const auto                capable = [&meta](const char * of) {
        const auto found = meta.chat_template_caps.find(of);
        return found != meta.chat_template_caps.end() && found->second;
    };
    facts_.reasoning      = meta.chat_params.enable_thinking;
    facts_.tool_calls     = capable("supports_tool_calls");
    facts_.parallel_calls = capable("supports_parallel_tool_calls");
    facts_.n_vocab        = meta.model_vocab_n_tokens;

    const std::lock_guard<std::mutex> lock(mutex_);
    model_ = std::move(made);
    state_ = state::starting;
}

void model_host::run(const std::function<void()> & on_ready) {
    run_loop(on_ready);
    while (sleep_until_woken()) {
        run_loop([] {});
    }
}

void model_host::run_loop(const std::function<void()> & on_ready) {
    is_loop_over_ = false;
    const scoped_thread attendant(start_quiet_thread([this, &on_ready] { attend(on_ready); }), [this] {
        const std::lock_guard<std::mutex> lock(mutex_);
        is_loop_over_ = true;
        changed_.notify_all();
    });
    model_->context.start_loop();
}

/// Beside llama.cpp's loop: says when it answers, and ends it.
void model_host::attend(const std::function<void()> & on_ready) {
    // Not before it has answered: a loop that is told to end before it begins forgets it.
    try {
        if (!model_->ask(server_task(SERVER_TASK_TYPE_METRICS), [this] { return is_loop_over_.load(); })) {
            return;
        }
    } catch (...) {
        // Memory ran out; the loop itself goes on.
    }
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        state_      = state::awake;
        is_wanted_  = false;
        idle_since_ = clock::now();
        changed_.notify_all();
    }
    on_ready();
    // Only now: whoever is told may send requests at once.
    report(SERVER_STATE_READY, model_->handlers.get_model_info());
    wait_for_end();
    model_->context.terminate();
}

/// Until stop(), or until the model was idle for long enough and nobody can get at it any more.
void model_host::wait_for_end() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!is_stopping_ && !is_loop_over_) {
        if (params_.sleep_idle_seconds < 0 || users_ > 0) {
            changed_.wait(lock);
        } else if (!is_idle()) {
            changed_.wait_until(lock, idle_since_ + idle_limit_);
        } else {
            lock.unlock();
            std::optional<model_memento> written = write_memento();
            lock.lock();
            if (!written) {
                idle_since_ = clock::now();
            } else if (is_idle()) {  // nobody has come meanwhile
                memento_ = std::move(*written);
                state_   = state::leaving;
                return;
            }
        }
    }
}

void model_host::report(::server_state now, const common_json & payload) const {
    if (on_state_) {
        on_state_(now, payload);
    }
}

bool model_host::is_idle() const { return users_ == 0 && clock::now() >= idle_since_ + idle_limit_; }

/// Null where there is no memory for it.
std::optional<model_memento> model_host::write_memento() {
    try {
        const std::function<bool()> should_stop = [this] { return is_loop_over_.load(); };
        const server_http_req       request{{}, {}, "", "", "", {}, should_stop};
        model_memento               written;

        common_json props    = common_json::parse(model_->handlers.get_props(request)->data);
        props["is_sleeping"] = true;
        written.props        = safe_json_to_str(props);
        written.models       = model_->handlers.get_models(request)->data;

        const server_task_result_ptr counted = model_->ask(server_task(SERVER_TASK_TYPE_METRICS), should_stop);
        if (const auto * metrics = dynamic_cast<const server_task_result_metrics *>(counted.get())) {
            written.metrics = metrics->metrics;
        }
        add_metrics(written.metrics, memento().metrics);

        const server_task_result_ptr adapters = model_->ask(server_task(SERVER_TASK_TYPE_GET_LORA), should_stop);
        if (const auto * loras = dynamic_cast<const server_task_result_get_lora *>(adapters.get())) {
            for (const server_task_result_get_lora::lora & lora : loras->loras) {
                written.lora_scales.push_back(lora.info.scale);
            }
        }
        return written;
    } catch (const std::exception &) {
        return std::nullopt;
    }
}

/// Frees the model and loads it again when somebody needs it. False: stop() was called.
bool model_host::sleep_until_woken() {
    std::unique_ptr<loaded_model> gone;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (is_stopping_) {
            return false;
        }
        gone.swap(model_);
        state_ = state::asleep;
    }
    forget_tokenizers();
    gone.reset();
    return_freed_memory();
    report(SERVER_STATE_SLEEPING, common_json::object());
    log_write(log_level_info, "the model has left memory: nobody has asked for " + std::to_string(idle_limit_.count()) +
                                  " s. The next request loads it again");
    while (true) {
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [this] { return is_wanted_ || is_stopping_; });
            if (is_stopping_) {
                return false;
            }
        }
        if (wake()) {
            return true;
        }
        return_freed_memory();
    }
}

/// Tries to load the model again. Those who wait for it learn why it failed.
bool model_host::wake() {
    log_write(log_level_info, "the model is loaded again: a request needs it");
    const log_capture capture;
    std::string       reason;
    try {
        common_params params = params_;
        check_model_files(params);
        check_model(params);
        for (size_t i = 0; i < params.lora_adapters.size() && i < memento_.lora_scales.size(); ++i) {
            params.lora_adapters[i].scale = memento_.lora_scales[i];
        }
        load_model(params, [this](float) {
            if (gate_.is_shut()) {
                throw load_cancelled();
            }
        });
        return true;
    } catch (const std::exception & e) {
        reason = e.what();
    } catch (...) {
        reason = "unknown C++ exception";
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = "the model sleeps and could not be loaded again: " + reason + reasons(capture.lines()) +
               ". It stays asleep, and the next request tries again";
    ++failures_;
    is_wanted_ = false;
    changed_.notify_all();
    log_write(log_level_error, failure_);
    return false;
}

void model_host::stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
}

std::shared_ptr<loaded_model> model_host::use(const std::function<bool()> & should_stop) {
    {
        std::unique_lock<std::mutex> lock(mutex_);
        const int                    failures_before = failures_;
        while (state_ != state::awake) {
            if (should_stop()) {
                return nullptr;
            }
            if (failures_ != failures_before) {
                throw model_unavailable(failure_);
            }
            if (!is_wanted_) {
                is_wanted_ = true;
                changed_.notify_all();
            }
            changed_.wait_for(lock, look_interval);
        }
        ++users_;
    }
    return hand_out(true);
}

std::shared_ptr<loaded_model> model_host::look() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (state_ != state::awake) {
            return nullptr;
        }
        ++users_;
    }
    return hand_out(false);
}

/// Not under the lock: where there is no memory for the pointer, the model is taken back at once.
std::shared_ptr<loaded_model> model_host::hand_out(bool is_use) {
    return {model_.get(), [this, is_use](loaded_model *) { take_back(is_use); }};
}

void model_host::take_back(bool is_use) {
    const std::lock_guard<std::mutex> lock(mutex_);
    --users_;
    if (is_use) {
        idle_since_ = clock::now();
    }
    changed_.notify_all();
}

model_memento model_host::memento() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return memento_;
}

void model_host::add_past_metrics(server_metrics & metrics) {
    const std::lock_guard<std::mutex> lock(mutex_);
    add_metrics(metrics, memento_.metrics);
    memento_.metrics.reset_bucket();
}

}  // namespace xllamacpp
