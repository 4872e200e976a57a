// The options of a request that llama.cpp would not take, or not survive.
#pragma once

#include "common.h"

#include <string>
#include <utility>
#include <vector>

namespace xllamacpp {

/// Names of options that are taken for another: (older, today).
std::vector<std::pair<std::string, std::string>> older_option_names();

/// Puts options by an older name, and by the name of the server's own parameter, under the name that llama.cpp reads;
/// keeps numbers within what a model with `n_vocab` tokens can use; takes a few words of OpenAI's and Anthropic's for
/// what they mean. Returns the body.
///
/// Throws a parameter_error for what an option cannot hold (limits.h), `speculative.*` that no server could
/// have included.
std::string mend_options(const std::string & body, const common_params & params, int n_vocab);

/// Throws a parameter_error for what the parts of a request that fills in a gap cannot hold (limits.h).
void check_infill_body(const std::string & body);

}  // namespace xllamacpp
