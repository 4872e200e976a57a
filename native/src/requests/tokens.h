// Tokens in the body of a request. llama.cpp looks a number up in the vocabulary as it is: some end its loop.
#pragma once

#include "params/value.h"

#include <initializer_list>
#include <string>

namespace xllamacpp {

// Each throws a parameter_error that names what is no token. `n_vocab` is 0 where it is not known.

void check_token(const json & value, const std::string & path, int n_vocab);

/// The numbers in a list, however deep. What else there is in it, such as texts, llama.cpp looks at.
void check_tokens(const json & value, const std::string & path, int n_vocab);

/// The lists in these fields of a body. What is no JSON is llama.cpp's to refuse.
void check_tokens_in(const std::string & body, std::initializer_list<const char *> fields, int n_vocab);

}  // namespace xllamacpp
