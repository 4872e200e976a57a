// The gate that every request goes through: it counts those under way, keeps new ones out, and ends those inside.
#pragma once

#include "server-common.h"
#include "server-http.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace xllamacpp {

using handler = server_http_context::handler_t;

/// Changes a text on its way: a request's body to the handler, or a chunk of its answer back.
using text_filter = std::function<std::string(const std::string & text)>;

/// What stands between a route and its handler.
struct route_filters {
    text_filter                  body;    ///< Where there is one, the handler reads the body: errors may be its fault.
    std::function<text_filter()> chunks;  ///< Makes a filter for the chunks of one answer.
};

class request_gate {
  public:
    /// False once the gate is no longer open: the request must not begin. `conversation` is the id of a stream that a
    /// client can take up again; llama.cpp goes on with it without one.
    bool enter(const std::string & conversation = "");
    void leave(const std::string & conversation = "");

    /// From here on no request enters; those inside go on.
    void drain();

    /// From here on no request enters, and those inside see is_shut() where they ask whether to stop.
    void shut();

    bool is_open() const { return state_ == state::open; }
    bool is_shut() const { return state_ == state::shut; }

    /// Waits until the last request has left.
    void wait_empty();

    /// Waits that long at most; false where a request is still inside.
    bool wait_empty_for(std::chrono::milliseconds patience);

  private:
    enum class state { open, draining, shut };

    std::mutex                 mutex_;
    std::condition_variable    left_;
    std::atomic<state>         state_{state::open};
    int                        inside_ = 0;
    std::multiset<std::string> conversations_;
};

/// A handler that lets a request through the gate, gives it a way to learn that the server closes, and turns exceptions
/// into answers. `gate` must outlive the responses.
handler guarded(request_gate & gate, const handler & handle, const route_filters & filters);

/// What llama.cpp would answer, with `status` in place of the type's own where it is not 0.
std::unique_ptr<server_http_res> error_response(const std::string & message, error_type type, int status = 0);

/// Status 503, and when to try again.
std::unique_ptr<server_http_res> unavailable_response(const std::string & message);

/// Makes `outer` say what `inner` says. It must keep `inner` and tell it of its completion.
void pass_on(server_http_res & inner, server_http_res & outer);

}  // namespace xllamacpp
