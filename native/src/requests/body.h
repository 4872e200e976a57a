// What is looked at in a request's body before llama.cpp reads it, where it would not survive it or say what is wrong.
#pragma once

#include <string>

namespace xllamacpp {

// Each throws a std::invalid_argument that says what to do. What is no JSON is llama.cpp's to refuse.

/// Refuses numbers in the array `field` that are no tokens of a model with `n_vocab` of them.
void check_tokens(const std::string & body, const std::string & field, int n_vocab);

}  // namespace xllamacpp
