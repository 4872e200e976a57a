#include "server/listener.h"

#include "common.h"
#include "xllamacpp/openssl.h"

#include <csignal>
#include <stdexcept>
#include <thread>

namespace xllamacpp {

namespace {

/// cpp-httplib ignores SIGPIPE for the whole process when a listener is made. That is the program's to decide; our
/// own threads block the signal instead.
class sigpipe_keeper {
  public:
#ifdef _WIN32
    sigpipe_keeper() = default;
#else
    sigpipe_keeper() { sigaction(SIGPIPE, nullptr, &found_); }
    ~sigpipe_keeper() { sigaction(SIGPIPE, &found_, nullptr); }
#endif
    sigpipe_keeper(const sigpipe_keeper &)             = delete;
    sigpipe_keeper & operator=(const sigpipe_keeper &) = delete;

#ifndef _WIN32
  private:
    struct sigaction found_{};
#endif
};

}  // namespace

listener::listener(const common_params & params, const route_table & routes) {
    if (const std::string problem = openssl_problem(); !params.ssl_file_key.empty() && !problem.empty()) {
        throw std::runtime_error("the HTTP server cannot use ssl_file_key and ssl_file_cert: " + problem);
    }
    {
        [[maybe_unused]] const sigpipe_keeper keeper;
        if (!http_.init(params)) {
            throw std::runtime_error("the HTTP server refused its configuration");
        }
    }
    routes.attach(http_);
    if (!http_.start()) {
        std::string address;
        for (const std::string & host : params.hostnames) {
            address += (address.empty() ? "" : ", ") + host + ":" + std::to_string(params.port);
        }
        const char * tls = params.ssl_file_key.empty()
                               ? ""
                               : ". For HTTPS, ssl_file_key and ssl_file_cert must be a pair in PEM format";
        throw std::runtime_error("the HTTP server could not listen on " + address +
                                 ": is the port in use, or the address not this machine's? Port 0 takes a free one" +
                                 tls);
    }
}

void listener::stop(std::chrono::milliseconds patience) {
    const auto        deadline = std::chrono::steady_clock::now() + patience;
    const connections left     = clients();
    http_.stop();
    // Each time again: the last one accepted may not have been looked at yet.
    for (left.stop_reading(); left.count() > 0; left.stop_reading()) {
        if (std::chrono::steady_clock::now() > deadline) {
            left.hang_up();
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    http_.join();
}

}  // namespace xllamacpp
