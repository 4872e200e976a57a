// What requests need to know of the model; known once it is loaded.
#pragma once

#include <atomic>
#include <cstdint>

namespace xllamacpp {

struct model_facts {
    std::atomic<bool>    reasoning{false};       ///< Its chat template thinks before it answers.
    std::atomic<bool>    tool_calls{false};      ///< Its chat template can call tools,
    std::atomic<bool>    parallel_calls{false};  ///< and several at once where nobody says otherwise.
    std::atomic<int32_t> n_vocab{0};
};

}  // namespace xllamacpp
