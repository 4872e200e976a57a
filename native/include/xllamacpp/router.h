// A router: many models, a process for each of those in use, and one HTTP socket in front of them.
#pragma once

#include "xllamacpp/params.h"

#include <memory>
#include <string>
#include <vector>

namespace xllamacpp {

/// llama.cpp's multi-model router, on our route table. It computes nothing itself and needs no backend.
///
/// The process that makes it should be a server and nothing else: the processes of the models inherit its environment,
/// and what llama.cpp puts behind their executable comes from there too (LLAMA_APP_CMD).
class router {
  public:
    /// Lists the models (`models_dir`, `models_preset`, llama.cpp's cache), listens, and starts what the presets want
    /// started. `executable` is what the processes run. `arguments` are llama.cpp's flags that count for all of them.
    ///
    /// Throws a parameter_error where the models cannot be listed, std::runtime_error where the socket cannot be
    /// opened.
    router(const params & p, const std::string & executable, const std::vector<std::string> & arguments);
    ~router();  ///< close()
    router(const router &)             = delete;
    router & operator=(const router &) = delete;

    std::string listening_address() const;

    /// From now on refuses requests, and waits up to `timeout_ms` for those under way. Returns whether none is left.
    bool drain(int timeout_ms);

    /// Cuts off what runs, closes the socket, and ends every process. Returns when nothing is left.
    void close();

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace xllamacpp
