// The answer to one request, pulled piece by piece by whoever asked.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace xllamacpp {

class exchange;

/// What a wait came back with.
enum class pull : int {
    timeout = 0,  ///< Nothing yet; ask again.
    ready   = 1,  ///< The head, or a chunk, is there.
    end     = 2,  ///< Nothing more will come.
};

/// A handle on one request and its answer. Copies share the request; the last one to go cancels it.
///
/// One thread pulls at a time; cancel() may come from any thread. In the child of a fork every stream is at its end.
class stream {
  public:
    stream() = default;
    explicit stream(std::shared_ptr<exchange> e);

    /// Waits up to `timeout_ms` for the status and headers.
    pull wait_head(int timeout_ms);

    /// Waits up to `timeout_ms` for the next chunk and puts it into `chunk`.
    ///
    /// A plain answer is one chunk: the body. A streamed one is server-sent events; a chunk holds whole events.
    pull next(std::string & chunk, int timeout_ms);

    /// Ends the request: its slot is freed, and the next pull returns `end`.
    ///
    /// llama.cpp looks for this between two tokens. While a prompt is processed, or a plain (not streamed) answer is
    /// generated, it looks once a second.
    void cancel();

    // Valid once wait_head has returned `ready`.
    int                                status() const;
    std::string                        content_type() const;
    std::map<std::string, std::string> headers() const;
    bool                               is_streamed() const;

    /// Why the answer ended early; empty where it did not.
    std::string error() const;

  private:
    struct owner;
    exchange * live() const;

    std::shared_ptr<owner> owner_;
};

}  // namespace xllamacpp
