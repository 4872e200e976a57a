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
/// keeps numbers within what a model with `n_vocab` tokens can use. Returns the body.
///
/// Throws a parameter_error for `speculative.*` values that no server could have, and for a choice of samplers that
/// would hold the server up for minutes.
std::string mend_options(const std::string & body, const common_params & params, int n_vocab);

}  // namespace xllamacpp
