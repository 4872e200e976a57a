#include "server/request_gate.h"

#include "requests/json_limits.h"
#include "requests/faults.h"

#include "server-stream.h"

#include <stdexcept>

namespace xllamacpp {

namespace {

/// Seconds after which a client may try again: by then another server has taken this one's place, or soon will.
const char * const retry_after_s = "5";

/// What llama.cpp sends where an answer begins that is not the first one of its request: no client expects it.
const char * const empty_event = "data: null\n\n";

std::unique_ptr<server_http_res> refusal(const request_gate & gate) {
    return unavailable_response(gate.is_shut() ? "the server is closing"
                                               : "the server is draining: it finishes the requests under way, takes no "
                                                 "new ones, and then closes");
}

/// Ends the stream of a conversation, which asks nobody else whether to stop.
void end_conversation(const std::string & id) {
    static const handler        stop        = server_stream_make_delete_handler();
    const std::function<bool()> should_stop = [] { return false; };
    stop(server_http_req{{{"conv_id", id}}, {}, "", "", "", {}, should_stop});
}

/// A response that keeps what llama.cpp's own one refers to, and its place in the gate, until it is gone.
struct gated_response : server_http_res {
    request_gate *                   gate;
    std::string                      conversation;
    std::function<bool()>            should_stop;
    std::unique_ptr<server_http_req> request;
    server_http_res_ptr              inner;

    gated_response(request_gate & g, std::string id) : gate(&g), conversation(std::move(id)) {}

    ~gated_response() override {
        // In this order: the inner response cancels its tasks and still asks the request.
        inner.reset();
        request.reset();
        gate->leave(conversation);
    }

    void on_complete() override {
        if (inner) {
            inner->on_complete();
        }
    }
};

}  // namespace

std::unique_ptr<server_http_res> error_response(const std::string & message, error_type type, int status) {
    auto response    = std::make_unique<server_http_res>();
    json error       = format_error_response(message, type);
    response->status = status != 0 ? status : json_value(error, "code", 500);
    error["code"]    = response->status;
    response->data   = safe_json_to_str({{"error", error}});
    return response;
}

std::unique_ptr<server_http_res> unavailable_response(const std::string & message) {
    auto response                    = error_response(message, ERROR_TYPE_UNAVAILABLE);
    response->headers["Retry-After"] = retry_after_s;
    return response;
}

void pass_on(server_http_res & inner, server_http_res & outer) {
    outer.status       = inner.status;
    outer.content_type = inner.content_type;
    outer.headers      = inner.headers;
    if (inner.is_stream()) {
        outer.next = [&inner](std::string & chunk) { return inner.next(chunk); };
    } else {
        outer.data = std::move(inner.data);
    }
}

bool request_gate::enter(const std::string & conversation) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!is_open()) {
        return false;
    }
    if (!conversation.empty()) {
        conversations_.insert(conversation);
    }
    ++inside_;
    return true;
}

void request_gate::leave(const std::string & conversation) {
    // Notified under the lock: once the wait is over, the gate may be destroyed.
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto                        found = conversations_.find(conversation);
    if (found != conversations_.end()) {
        conversations_.erase(found);
    }
    --inside_;
    left_.notify_all();
}

void request_gate::drain() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_open()) {
        state_ = state::draining;
    }
}

void request_gate::shut() {
    std::multiset<std::string> conversations;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        state_        = state::shut;
        conversations = conversations_;
    }
    for (const std::string & id : conversations) {
        end_conversation(id);
    }
}

void request_gate::wait_empty() {
    std::unique_lock<std::mutex> lock(mutex_);
    left_.wait(lock, [this] { return inside_ == 0; });
}

bool request_gate::wait_empty_for(std::chrono::milliseconds patience) {
    std::unique_lock<std::mutex> lock(mutex_);
    return left_.wait_for(lock, patience, [this] { return inside_ == 0; });
}

handler guarded(request_gate & gate, const handler & handle, const route_filters & filters) {
    return [&gate, handle, filters](const server_http_req & outer) -> server_http_res_ptr {
        const std::string conversation = server_stream_conv_id_from_headers(outer.headers);
        if (!gate.enter(conversation)) {
            return refusal(gate);
        }
        auto response         = std::make_unique<gated_response>(gate, conversation);
        response->should_stop = [&gate, &outer] { return gate.is_shut() || outer.should_stop(); };
        response->request     = std::unique_ptr<server_http_req>(
            new server_http_req{outer.params, outer.headers, outer.path, outer.query_string, outer.body, outer.files,
                                response->should_stop});
        try {
            check_json_limits(outer.body, "the body");
            if (filters.body) {
                response->request->body = filters.body(outer.body);
            }
            response->inner = handle(*response->request);
        } catch (const std::invalid_argument & e) {
            response->inner = error_response(e.what(), ERROR_TYPE_INVALID_REQUEST);
        } catch (const std::exception & e) {
            const std::string fault = filters.body ? request_fault(e, outer.path) : "";
            response->inner         = fault.empty() ? error_response(e.what(), ERROR_TYPE_SERVER)
                                                    : error_response(fault, ERROR_TYPE_INVALID_REQUEST);
        } catch (...) {
            response->inner = error_response("unknown C++ exception", ERROR_TYPE_SERVER);
        }
        if (gate.is_shut() && !conversation.empty()) {
            // It may have begun after the others were ended.
            end_conversation(conversation);
        }
        server_http_res & inner = *response->inner;
        if (inner.data.empty() && !inner.is_stream() && response->should_stop()) {
            // A handler that was told to stop answers nothing, with the status of success.
            response->inner = error_response("the request was cancelled", ERROR_TYPE_UNAVAILABLE);
        }
        mend_status(*response->inner, outer.path);
        pass_on(*response->inner, *response);
        if (response->is_stream()) {
            const text_filter filter = filters.chunks ? filters.chunks() : nullptr;
            response->next           = [next = response->next, filter](std::string & chunk) {
                bool has_more = next(chunk);
                while (has_more && chunk == empty_event) {
                    has_more = next(chunk);
                }
                if (filter) {
                    chunk = filter(chunk);
                }
                return has_more;
            };
        }
        return response;
    };
}

}  // namespace xllamacpp
