// What llama.cpp would abort, hang or misbehave on: one table, checked before llama.cpp sees the parameters.
#pragma once

#include "common.h"

#include <string>
#include <vector>

namespace xllamacpp {

struct rule {
    std::vector<const char *> fields;  ///< What it is about; a message has their values.
    bool (*is_broken)(const common_params & p);
    const char * advice;  ///< Why it does not work, and what to set.
};

/// Each is looked up in the whole vocabulary, for every request.
constexpr size_t most_sequence_breakers = 256;

/// Every rule that needs nothing but the parameters.
const std::vector<rule> & rules();

/// The rule on samplers that a request can break too.
void check_samplers(const common_params_sampling & sampling);

/// Throws a parameter_error for the first rule that is broken: "n_parallel=0: ...".
void check_rules(const common_params & p);

}  // namespace xllamacpp
