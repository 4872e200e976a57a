// Which tokens a grammar of llama.cpp's allows next.
#pragma once

#include "llama-grammar.h"
#include "llama.h"

namespace xllamacpp {

/// Forbids the candidates that the grammar does not allow: -infinity as their logit.
///
/// The result is that of llama_grammar_apply_impl, which follows each way of reading a token by itself, and takes for
/// ever where they become ever more. Here tokens that begin alike are read once, in all ways together. A token is
/// forbidden too where it can only be read in ways beyond the limit of grammar_ways. Throws std::runtime_error where it
/// would still take too long.
void forbid_tokens(const llama_grammar & grammar, llama_token_data_array * candidates);

}  // namespace xllamacpp
