// The model of a server: loaded, freed while nobody asks anything, and loaded again.
//
// llama.cpp has a sleep of its own, which is left off: it ends the process where the model cannot be loaded again, and
// a request that comes in the moment of falling asleep waits for ever or reads what was freed.
#pragma once

#include "server/request_gate.h"
#include "server/routes.h"

#include "server-context.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace xllamacpp {

/// Thrown out of the progress callback to end a load that nobody wants any more.
struct load_cancelled : std::runtime_error {
    load_cancelled() : std::runtime_error("the load was cancelled") {}
};

/// The model is asleep, and loading it again failed; the text says why.
struct model_unavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A model in memory: llama.cpp's context, and the handlers that work on it.
struct loaded_model {
    common_params  params;  ///< With what llama.cpp has decided at the load.
    server_context context;
    server_routes  handlers;

    explicit loaded_model(const common_params & p) : params(p), handlers(params, context) {}

    /// Has the loop do a task; null where `should_stop` said so first.
    server_task_result_ptr ask(server_task && task, const std::function<bool()> & should_stop);
};

/// What is known of a model that sleeps: answers, as JSON, and what it gets back when it wakes.
struct model_memento {
    std::string        props;
    std::string        models;
    server_metrics     metrics;  ///< Of all times that it was awake.
    std::vector<float> lora_scales;
};

class model_host {
  public:
    /// `params` are checked and prepared. They, `gate` and `facts`, which each load writes, must outlive the host.
    model_host(const common_params & params, const request_gate & gate, model_facts & facts)
        : params_(params), gate_(gate), facts_(facts) {}
    model_host(const model_host &)             = delete;
    model_host & operator=(const model_host &) = delete;

    /// Has a function called with each state of the model, while it is loaded, once it answers, and when it sleeps;
    /// from the thread that it happens on. Before load().
    void tell(std::function<void(::server_state, const common_json &)> on_state) { on_state_ = std::move(on_state); }

    /// Loads the model for the first time. `on_progress` may throw to end the load.
    void load(const std::function<void(float)> & on_progress);

    /// Answers requests, sleeps and wakes, until stop(). On the thread that called load(). `on_ready` is called once
    /// llama.cpp's loop answers for the first time, on another thread.
    void run(const std::function<void()> & on_ready);

    /// Ends run(), once it has begun to answer. Nobody may use the model any more.
    void stop();

    /// The model, and the right to use it for as long as the pointer lives. A model that sleeps is woken. Null where
    /// `should_stop` said so first. Throws model_unavailable.
    std::shared_ptr<loaded_model> use(const std::function<bool()> & should_stop);

    /// The same where the model is awake, else null. It may fall asleep afterwards as if nobody had asked.
    std::shared_ptr<loaded_model> look();

    /// What was written down when the model fell asleep.
    model_memento memento() const;

    /// Adds the metrics of the times before this one to `metrics`; the throughput of the last of them only once.
    void add_past_metrics(server_metrics & metrics);

  private:
    using clock = std::chrono::steady_clock;

    enum class state { asleep, starting, awake, leaving };

    void load_model(const common_params & params, const std::function<void(float)> & on_progress);
    bool wake();
    bool sleep_until_woken();
    void run_loop(const std::function<void()> & on_ready);
    void attend(const std::function<void()> & on_ready);
    void wait_for_end();
    bool is_idle() const;
    void report(::server_state now, const common_json & payload) const;
    std::optional<model_memento>  write_memento();
    std::shared_ptr<loaded_model> hand_out(bool is_use);
    void                          take_back(bool is_use);

    const common_params &      params_;
    const request_gate &       gate_;
    model_facts &              facts_;
    const std::chrono::seconds idle_limit_{params_.sleep_idle_seconds};

    std::function<void(::server_state, const common_json &)> on_state_;

    mutable std::mutex            mutex_;
    std::condition_variable       changed_;
    state                         state_       = state::asleep;
    bool                          is_stopping_ = false;
    std::atomic<bool>             is_loop_over_{false};
    bool                          is_wanted_ = false;
    int                           users_     = 0;
    clock::time_point             idle_since_;
    int                           failures_ = 0;
    std::string                   failure_;
    model_memento                 memento_;
    std::unique_ptr<loaded_model> model_;
};

}  // namespace xllamacpp
