// Options of a request that are lists: biases, samplers, triggers.
#pragma once

#include "params/value.h"

#include "common.h"

namespace xllamacpp {

// Each throws a parameter_error that names what is wrong in the list. `n_vocab` is 0 where it is not known.

void check_biases(const json & body, int n_vocab);

/// `samplers`: a list of names, or a text with a letter for each. llama.cpp leaves out those that it does not know.
void check_choice_of_samplers(const json & body, const common_params & params);

/// `dry_sequence_breakers`
void check_breakers(const json & body);

/// `grammar_triggers`: llama.cpp aborts on a kind that it does not know, and waits for a regular expression.
void check_triggers(const json & body);

}  // namespace xllamacpp
