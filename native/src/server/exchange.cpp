#include "server/exchange.h"

#include "server-http.h"

#include <chrono>

namespace xllamacpp {

void exchange::run(const handler & handle, const request_parts & parts, std::map<std::string, std::string> parameters) {
    try {
        const std::function<bool()> should_stop = [this] { return is_cancelled(); };
        const size_t                question    = parts.path.find('?');
        const server_http_req       request{
            std::move(parameters),
            parts.headers,
            parts.path.substr(0, question),
            question == std::string::npos ? "" : parts.path.substr(question + 1),
            parts.body,
            {},
            should_stop,
        };
        const std::unique_ptr<server_http_res> response = handle(request);
        open(response->status, response->content_type, response->headers, response->is_stream());
        if (!response->is_stream()) {
            offer(std::move(response->data));
        } else {
            bool more = true;
            while (more) {
                std::string chunk;
                more = response->next(chunk);
                if (!chunk.empty() && !offer(std::move(chunk))) {
                    break;
                }
            }
        }
        response->on_complete();
        finish("");
    } catch (const std::exception & e) {
        finish(e.what());
    } catch (...) {
        finish("unknown C++ exception");
    }
}

void exchange::open(int status, const std::string & content_type, const std::map<std::string, std::string> & headers,
                    bool streamed) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        status_       = status;
        content_type_ = content_type;
        headers_      = headers;
        streamed_     = streamed;
        opened_       = true;
    }
    changed_.notify_all();
}

/// Waits for room. False: nobody wants it any more.
bool exchange::offer(std::string && chunk) {
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return chunks_.size() < capacity || cancelled_; });
        if (cancelled_) {
            return false;
        }
        chunks_.push_back(std::move(chunk));
    }
    changed_.notify_all();
    return true;
}

void exchange::finish(const std::string & error) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        finished_ = true;
        if (error_.empty()) {
            error_ = error;
        }
    }
    changed_.notify_all();
}

void exchange::cancel(const std::string & reason) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (finished_ || cancelled_) {
            return;
        }
        cancelled_ = true;
        error_     = reason;
        chunks_.clear();
    }
    changed_.notify_all();
}

pull exchange::wait_head(int timeout_ms) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                      [this] { return opened_ || finished_ || cancelled_; });
    if (cancelled_) {
        return pull::end;
    }
    return opened_ ? pull::ready : finished_ ? pull::end : pull::timeout;
}

pull exchange::next(std::string & chunk, int timeout_ms) {
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                          [this] { return !chunks_.empty() || finished_ || cancelled_; });
        if (chunks_.empty()) {
            return finished_ || cancelled_ ? pull::end : pull::timeout;
        }
        chunk = std::move(chunks_.front());
        chunks_.pop_front();
    }
    changed_.notify_all();
    return pull::ready;
}

int exchange::status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return status_;
}

std::string exchange::content_type() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return content_type_;
}

std::map<std::string, std::string> exchange::headers() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return headers_;
}

bool exchange::is_streamed() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return streamed_;
}

std::string exchange::error() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return error_;
}

}  // namespace xllamacpp
