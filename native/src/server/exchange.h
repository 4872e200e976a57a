// What a stream shares with the thread that runs its handler.
#pragma once

#include "xllamacpp/stream.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

struct server_http_req;
struct server_http_res;

namespace xllamacpp {

/// A request's parts, as a caller in this process gives them.
struct request_parts {
    std::string                        method;
    std::string                        path;  ///< May carry a query: "/slots/0?action=save".
    std::string                        body;
    std::map<std::string, std::string> headers;
};

class exchange {
  public:
    using handler = std::function<std::unique_ptr<server_http_res>(const server_http_req &)>;

    /// Calls the handler and offers what it answers, chunk by chunk, until the end or cancel(). Never throws.
    void run(const handler & handle, const request_parts & parts, std::map<std::string, std::string> parameters);

    /// Ends the exchange; `reason` is what error() then says, empty where the caller itself gave up.
    void cancel(const std::string & reason);

    bool is_cancelled() const { return cancelled_; }

    pull wait_head(int timeout_ms);
    pull next(std::string & chunk, int timeout_ms);

    int                                status() const;
    std::string                        content_type() const;
    std::map<std::string, std::string> headers() const;
    bool                               is_streamed() const;
    std::string                        error() const;

  private:
    void open(int status, const std::string & content_type, const std::map<std::string, std::string> & headers,
              bool streamed);
    bool offer(std::string && chunk);
    void finish(const std::string & error);

    // Enough to keep the producer busy while the consumer handles a chunk, little enough that a consumer who stops
    // has cost nothing.
    static constexpr size_t capacity = 8;

    mutable std::mutex                 mutex_;
    std::condition_variable            changed_;
    std::deque<std::string>            chunks_;
    std::map<std::string, std::string> headers_;
    std::string                        content_type_;
    std::string                        error_;
    int                                status_   = 0;
    bool                               opened_   = false;
    bool                               streamed_ = false;
    bool                               finished_ = false;
    std::atomic<bool>                  cancelled_{false};
};

}  // namespace xllamacpp
