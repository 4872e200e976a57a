// What reads llama.cpp's own grammars (GBNF) in the place of llama.cpp, which ends the process where it is given a
// token that ends the answer too early, lets any token pass where a grammar leaves none, and can take for ever.
//
// The first two happen to a request whose grammar no token of the model fits, or whose logit_bias forbids those that
// do. The third happens where a text can be read in many ways, each of which llama.cpp follows by itself: in a list of
// lists, say, that has two rules for a list, each element doubles their number.
//
// It is part of llama: cmake/llama_cpp.cmake has llama-sampler.cpp call these two in the place of llama.cpp's.
#include "grammars/llama_grammar_tokens.h"
#include "grammars/llama_grammar_ways.h"
#include "llama-grammar.h"
#include "llama-vocab.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

void xllamacpp_grammar_apply(const llama_grammar & grammar, llama_token_data_array * candidates);
void xllamacpp_grammar_accept(llama_grammar & grammar, llama_token token);

namespace {

using xllamacpp::grammar_ways;

bool is_forbidden(const llama_token_data & candidate) { return candidate.logit == -INFINITY; }

bool may_end(const llama_grammar & grammar) {
    return std::any_of(grammar.stacks.begin(), grammar.stacks.end(),
                       [](const llama_grammar_stack & stack) { return stack.empty(); });
}

using ways = std::set<llama_grammar_stack>;

[[noreturn]] void fail_on_ways() {
    throw std::runtime_error("grammar: it can read this answer in more than " +
                             std::to_string(grammar_ways::most_ways) +
                             " ways, and each character makes them more: let no two alternatives that may repeat match "
                             "the same text");
}

ways read_character(const llama_grammar & grammar, const ways & before, uint32_t character) {
    // As many alternatives, which become fewer with each character, are no harm.
    grammar_ways after(grammar.rules, std::max(before.size(), grammar_ways::most_ways));
    for (const llama_grammar_stack & way : before) {
        if (way.empty() || !xllamacpp::is_character_set(*way.back())) {
            continue;
        }
        const auto match = xllamacpp::match_character(way.back(), character);
        if (match.is_in && !after.add_next(way, match.after)) {
            fail_on_ways();
        }
    }
    return after.take_all();
}

/// The ways whose next element is that token, or any but another.
ways read_token(const llama_grammar & grammar, const ways & before, llama_token token) {
    grammar_ways after(grammar.rules);
    for (const llama_grammar_stack & way : before) {
        if (!way.empty() && xllamacpp::match_token(way.back(), token) && !after.add_next(way, way.back() + 1)) {
            fail_on_ways();
        }
    }
    return after.take_all();
}

/// `text` is what is read of the token.
void read(llama_grammar & grammar, llama_token token, const std::string & text) {
    const ways            before(grammar.stacks.begin(), grammar.stacks.end());
    llama_partial_utf8    beginning = grammar.partial_utf8;
    std::vector<uint32_t> characters;
    ways                  by_character;
    if (xllamacpp::read_utf8(text, beginning, characters)) {
        by_character = before;
        by_character.erase(llama_grammar_stack());  // nothing may come there, be it half a character
    }
    for (const uint32_t character : characters) {
        by_character = read_character(grammar, by_character, character);
    }
    ways after = read_token(grammar, before, token);
    after.merge(by_character);
    if (after.empty()) {
        throw std::runtime_error("grammar: it does not allow \"" + text + "\" here, which was forced by other means");
    }
    grammar.stacks.assign(after.begin(), after.end());
    grammar.partial_utf8 = beginning;
}

/// Where the text that a lazy grammar waits for begins, or npos.
size_t find_trigger(const llama_grammar & grammar) {
    for (const llama_grammar_trigger_pattern & trigger : grammar.trigger_patterns) {
        const size_t start = trigger.find(grammar.trigger_buffer);
        if (start != std::string::npos) {
            return start;
        }
    }
    return std::string::npos;
}

void stop_waiting(llama_grammar & grammar) {
    grammar.awaiting_trigger = false;
    grammar.trigger_buffer.clear();
    grammar.trigger_buffer_positions.clear();
}

/// A lazy grammar begins with one of its tokens, or where one of its patterns is found in the text.
void wait_for_trigger(llama_grammar & grammar, llama_token token) {
    const std::string & piece = grammar.vocab->token_to_piece(token);
    const auto &        begin = grammar.trigger_tokens;
    if (std::find(begin.begin(), begin.end(), token) != begin.end()) {
        stop_waiting(grammar);
        read(grammar, token, piece);
        return;
    }
    const size_t at = grammar.trigger_buffer.size();
    grammar.trigger_buffer += piece;
    grammar.trigger_buffer_positions.push_back({token, {at, at + piece.size()}});
    const size_t start = find_trigger(grammar);
    if (start == std::string::npos) {
        return;
    }
    const std::string text   = grammar.trigger_buffer;
    const auto        tokens = grammar.trigger_buffer_positions;
    stop_waiting(grammar);
    for (const auto & [read_token, position] : tokens) {
        if (position.second > start) {
            const size_t first = std::max(position.first, start);
            read(grammar, read_token, text.substr(first, position.second - first));
        }
    }
}

}  // namespace

void xllamacpp_grammar_accept(llama_grammar & grammar, llama_token token) {
    if (grammar.awaiting_trigger) {
        wait_for_trigger(grammar, token);
    } else if (!grammar.vocab->is_eog(token)) {
        read(grammar, token, grammar.vocab->token_to_piece(token));
    } else if (!may_end(grammar)) {
        throw std::runtime_error("grammar: the answer ended before the grammar did: a logit_bias, or the model's "
                                 "vocabulary, leaves nothing that the grammar allows");
    }
}

void xllamacpp_grammar_apply(const llama_grammar & grammar, llama_token_data_array * candidates) {
    if (grammar.awaiting_trigger) {
        return;
    }
    xllamacpp::forbid_tokens(grammar, candidates);
    // With one candidate it is only asked whether that one is allowed.
    const llama_token_data * begin = candidates->data;
    if (candidates->size > 1 && std::all_of(begin, begin + candidates->size, is_forbidden)) {
        throw std::runtime_error("grammar: no token of this model can go on from here");
    }
}
