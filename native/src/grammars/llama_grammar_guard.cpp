// A guard around llama.cpp's own grammars (GBNF), which end the process where they are given a token that ends the
// answer too early, let any token pass where they leave none, and can take for ever.
//
// The first two happen to a request whose grammar no token of the model fits, or whose logit_bias forbids those that
// do. The third happens where a text can be read in many ways, of which llama.cpp keeps each: in a list of lists, say,
// that has two rules for a list, each element doubles their number.
//
// It is part of llama: cmake/llama_cpp.cmake has llama-sampler.cpp call these two in the place of llama.cpp's.
#include "llama-grammar.h"
#include "llama-vocab.h"
#include "unicode.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

void xllamacpp_grammar_apply(const llama_grammar & grammar, llama_token_data_array * candidates);
void xllamacpp_grammar_accept(llama_grammar & grammar, llama_token token);

namespace {

/// Far more than there are where a grammar has a use for them; as many alternatives, which become fewer with each
/// character, are no harm. Each is compared with every token of the vocabulary.
constexpr size_t most_readings = 4096;

bool is_forbidden(const llama_token_data & candidate) { return candidate.logit == -INFINITY; }

bool may_end(const llama_grammar & grammar) {
    return std::any_of(grammar.stacks.begin(), grammar.stacks.end(),
                       [](const llama_grammar_stack & stack) { return stack.empty(); });
}

/// Reads a text by the character, and throws once there are too many ways to.
void check_readings(llama_grammar & grammar, const std::string & text) {
    const llama_grammar_stacks before = grammar.stacks;
    for (const uint32_t character : unicode_cpts_from_utf8(text)) {
        const size_t readings = grammar.stacks.size();
        llama_grammar_accept(&grammar, character);
        if (grammar.stacks.size() > std::max(readings, most_readings)) {
            grammar.stacks = before;
            throw std::runtime_error("grammar: it can read this answer in more than " + std::to_string(most_readings) +
                                     " ways, and each character makes them more: let no two alternatives that may "
                                     "repeat match the same text");
        }
    }
    grammar.stacks = before;
}

}  // namespace

void xllamacpp_grammar_accept(llama_grammar & grammar, llama_token token) {
    if (!grammar.awaiting_trigger) {
        if (!grammar.vocab->is_eog(token)) {
            check_readings(grammar, grammar.vocab->token_to_piece(token));
        } else if (!may_end(grammar)) {
            throw std::runtime_error("grammar: the answer ended before the grammar did: a logit_bias, or the model's "
                                     "vocabulary, leaves nothing that the grammar allows");
        }
    }
    llama_grammar_accept_impl(grammar, token);
}

void xllamacpp_grammar_apply(const llama_grammar & grammar, llama_token_data_array * candidates) {
    llama_grammar_apply_impl(grammar, candidates);
    // With one candidate it is only asked whether that one is allowed.
    const llama_token_data * begin = candidates->data;
    if (candidates->size > 1 && std::all_of(begin, begin + candidates->size, is_forbidden)) {
        throw std::runtime_error("grammar: no token of this model can go on from here");
    }
}
