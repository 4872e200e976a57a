// A server: one model, its slots, one route table, and two doors to it: the HTTP socket and request().
#pragma once

#include "xllamacpp/log.h"
#include "xllamacpp/params.h"
#include "xllamacpp/stream.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace xllamacpp {

enum class server_state : int {
    loading = 0,
    ready   = 1,
    failed  = 2,  ///< error() says why.
    closed  = 3,
};

/// Loads a model on a thread of its own, answers requests, and shuts down in order from any state.
///
/// Every method may be called from any thread; close() may be called any number of times. Several servers can live
/// side by side. No signal handler is installed, and SIGPIPE is left as found. load_backends must have run before.
///
/// A server belongs to the process that made it. In the child of a fork it is a closed server, whose memory is left
/// alone; the child can make its own.
class server {
  public:
    server();  ///< A closed server.

    /// Starts loading and returns at once. `report_to` is for the processes of a router: the descriptor that the router
    /// reads their states from.
    explicit server(const params & p, int report_to = -1);
    ~server();  ///< close()
    server(server &&) noexcept;
    server & operator=(server &&) noexcept;
    server(const server &)             = delete;
    server & operator=(const server &) = delete;

    server_state state() const;

    /// How much of the model's file has been read, 0 to 1.
    float progress() const;

    /// Waits up to `timeout_ms` for the end of the load; returns the state then.
    server_state wait_loaded(int timeout_ms) const;

    /// Why the server failed: the warnings and errors that the load logged, and any exception's text.
    std::string           error() const;
    std::vector<log_line> error_log() const;

    /// Whether it failed because a parameter does not go with the others or with the model; error() says what to set.
    bool is_refused() const;

    /// "http://127.0.0.1:43127", with the port that was free where none was set; empty until the socket listens.
    std::string listening_address() const;

    /// Sends a request through the route table, past the socket. Returns at once; the answer is pulled from the stream.
    ///
    /// An unknown path answers 404, a path with another method 405. API keys guard the socket and are not asked here.
    stream request(const std::string & method, const std::string & path, const std::string & body,
                   const std::map<std::string, std::string> & headers);

    /// Every (method, path) of the route table.
    std::vector<std::string> routes() const;

    /// From now on refuses requests, breaks off a load, and waits up to `timeout_ms` for the requests under way.
    /// Returns whether none is left. The socket stays open until close(), to say so to those who come.
    bool drain(int timeout_ms);

    /// Cancels what runs, closes the socket, frees the model and joins every thread. Returns when nothing is left.
    void close();

  private:
    class impl;
    struct impl_deleter {
        void operator()(impl * owned) const;
    };
    impl * live() const;

    std::unique_ptr<impl, impl_deleter> impl_;
};

}  // namespace xllamacpp
