// The connections that a listener has accepted.
//
// llama.cpp's HTTP server waits for each of them when it stops: for a client that does not finish its request, or takes
// no more of its answer, as long as timeout_read and timeout_write say, which is an hour. It gives nobody a handle to
// them; the system does.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace xllamacpp {

class connections {
  public:
    /// Those of this process to any of `addresses`: "http://127.0.0.1:8080" goes by its port, "unix://server.sock" by
    /// its path.
    explicit connections(const std::vector<std::string> & addresses);

    size_t count() const;

    /// Whoever waits for more of a request learns that none comes. Answers go on.
    void stop_reading() const;

    /// Ends them.
    void hang_up() const;

  private:
    bool             has(int descriptor) const;
    std::vector<int> find() const;

    std::vector<int>         ports_;
    std::vector<std::string> paths_;
};

}  // namespace xllamacpp
