// What the options of a request may hold. llama.cpp clamps, wraps around or passes by much of what is wrong, and does
// not survive some of it.
#pragma once

#include "params/value.h"

#include "common.h"

#include <string>
#include <utility>
#include <vector>

namespace xllamacpp {

/// Options that may hold what a parameter of the server may: (option, parameter).
std::vector<std::pair<std::string, std::string>> option_parameters();

/// Throws a parameter_error that names the option and what it may hold: "top_p: expected a number from 0 to 1, got 2".
/// `n_vocab` is 0 where it is not known.
void check_options(const json & body, const common_params & params, int n_vocab);

/// The same for what belongs to filling in alone.
void check_infill(const json & body);

}  // namespace xllamacpp
