// LoRA adapters in requests: what is asked for exists, and no request reads what another computed with other scales.
#pragma once

#include "common.h"

#include <mutex>
#include <string>
#include <vector>

namespace xllamacpp {

/// How strongly each adapter of a server counts where a request does not say.
///
/// llama.cpp drops what a slot has cached when a request names other scales, but not when the server's own change, nor
/// when a request after one with scales has none. So each request is made to name them.
class adapter_scales {
  public:
    explicit adapter_scales(const common_params & params);

    /// Checks a request's `lora`, and puts it in where there is none. Returns the body.
    std::string mend(const std::string & body) const;

    /// Checks what a request would set for all others.
    void check(const std::string & body) const;

    /// Remembers what a request has set.
    void set(const std::string & body);

  private:
    const size_t       count_;
    const bool         is_caching_;
    mutable std::mutex mutex_;
    std::vector<float> scales_;
};

/// The server's parameters, as they have to be for that.
void prepare_adapters(common_params & params);

}  // namespace xllamacpp
