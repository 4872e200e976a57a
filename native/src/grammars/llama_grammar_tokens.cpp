#include "grammars/llama_grammar_tokens.h"

#include "grammars/llama_grammar_ways.h"
#include "llama-vocab.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace xllamacpp {

namespace {

constexpr size_t most_comparisons = 500'000'000;  // about a second
constexpr size_t most_kept = 16'000'000;  // elements of ways, and of what is known of them, until the tokens are read

struct token_text {
    llama_token_data * candidate;
    size_t             begin;  // of its characters
    size_t             size;
    llama_partial_utf8 beginning;  // of one more character
    bool               is_allowed;
};

/// The texts of tokens, one after the other.
struct token_texts {
    std::vector<uint32_t>   characters;
    std::vector<token_text> all;
};

struct state;

/// The ways whose next element a character is in, and the state that they lead to: null where none was needed yet.
using step = std::pair<const std::vector<size_t>, state *>;

/// All the ways in which what was read so far can be read.
struct state {
    std::vector<const llama_grammar_stack *> ways;
    std::map<std::vector<size_t>, state *>   steps;  // many characters take the same one
    std::unordered_map<uint32_t, step *>     by_character;
};

class token_reader {
  public:
    token_reader(const llama_grammar & grammar, token_texts & texts) : grammar_(grammar), texts_(texts) {}

    void run() {
        state * start = state_of({grammar_.stacks.begin(), grammar_.stacks.end()});
        match_tokens(*start);
        for (size_t text = 0; text < texts_.all.size(); ++text) {
            order_.push_back({0, text});
        }
        todo_.push_back({order_.begin(), order_.end(), 0, start});
        while (!todo_.empty()) {
            const branch next = todo_.back();
            todo_.pop_back();
            read(next);
        }
    }

  private:
    struct member {
        uint32_t character;  // the next one
        size_t   text;
    };

    using position = std::vector<member>::iterator;

    /// Tokens that begin with the same `depth` characters, and the state after these.
    struct branch {
        position begin;
        position end;
        size_t   depth;
        state *  from;
    };

    /// Some elements of a grammar are tokens. One that ends in half a character is none of them: what comes after it
    /// would have to complete it.
    void match_tokens(const state & start) {
        for (const llama_grammar_stack * way : start.ways) {
            if (way->empty() || is_character_set(*way->back())) {
                continue;
            }
            count_comparisons(texts_.all.size());
            for (token_text & text : texts_.all) {
                text.is_allowed =
                    text.is_allowed || (text.beginning.n_remain == 0 && match_token(way->back(), text.candidate->id));
            }
        }
    }

    token_text & text_of(const member & token) { return texts_.all[token.text]; }

    void read(const branch & tokens) {
        position longer = tokens.begin;
        for (position token = tokens.begin; token != tokens.end; ++token) {
            token_text & text = text_of(*token);
            if (text.size > tokens.depth) {
                token->character = texts_.characters[text.begin + tokens.depth];
                continue;
            }
            text.is_allowed = text.is_allowed || may_go_on(*tokens.from, text.beginning);
            std::swap(*token, *longer++);
        }
        std::sort(longer, tokens.end, [](const member & a, const member & b) { return a.character < b.character; });
        while (longer != tokens.end) {
            const uint32_t character = longer->character;
            const position begin     = longer;
            longer = std::find_if(begin, tokens.end, [=](const member & m) { return m.character != character; });
            read_character(character, {begin, longer, tokens.depth + 1, tokens.from});
        }
    }

    /// Reads the last of the `tokens.depth` characters, from the state before it.
    void read_character(uint32_t character, branch tokens) {
        step & taken = step_from(*tokens.from, character);
        if (taken.first.empty()) {
            return;
        }
        position longer = tokens.begin;
        for (position token = tokens.begin; token != tokens.end; ++token) {
            token_text & text = text_of(*token);
            if (text.size == tokens.depth && text.beginning.n_remain == 0) {
                text.is_allowed = true;
                std::swap(*token, *longer++);
            }
        }
        if (longer != tokens.end) {
            if (taken.second == nullptr) {
                taken.second = state_after(*tokens.from, taken.first);
            }
            todo_.push_back({longer, tokens.end, tokens.depth, taken.second});
        }
    }

    bool may_go_on(const state & from, llama_partial_utf8 beginning) {
        count_comparisons(from.ways.size());
        return std::any_of(from.ways.begin(), from.ways.end(), [&](const llama_grammar_stack * way) {
            return !way->empty() && is_character_set(*way->back()) && may_match(way->back(), beginning);
        });
    }

    step & step_from(state & from, uint32_t character) {
        step *& known = from.by_character[character];
        if (known == nullptr) {
            count_comparisons(from.ways.size());
            std::vector<size_t> fitting;
            for (size_t i = 0; i < from.ways.size(); ++i) {
                const llama_grammar_stack & way = *from.ways[i];
                if (!way.empty() && is_character_set(*way.back()) && match_character(way.back(), character).is_in) {
                    fitting.push_back(i);
                }
            }
            const auto [found, is_new] = from.steps.try_emplace(std::move(fitting));
            if (is_new) {
                count_kept(found->first.size());
            }
            known = &*found;
        }
        return *known;
    }

    state * state_after(const state & from, const std::vector<size_t> & fitting) {
        grammar_ways ways(grammar_.rules);
        for (const size_t i : fitting) {
            const llama_grammar_stack & way = *from.ways[i];
            ways.add_next(way, match_character(way.back(), 0).after);
        }
        return state_of(ways.take_all());
    }

    state * state_of(std::set<llama_grammar_stack> && ways) {
        const auto [found, is_new] = states_.try_emplace(std::move(ways));
        if (is_new) {
            for (const llama_grammar_stack & way : found->first) {
                count_kept(way.size() + 1);
                found->second.ways.push_back(&way);
            }
        }
        return &found->second;
    }

    void count_kept(size_t count) {
        kept_ += count;
        if (kept_ > most_kept) {
            fail();
        }
    }

    void count_comparisons(size_t count) {
        comparisons_ += count;
        if (comparisons_ > most_comparisons) {
            fail();
        }
    }

    [[noreturn]] static void fail() {
        throw std::runtime_error("grammar: there are too many ways to go on from here for this model's tokens to be "
                                 "held against all of them: let fewer alternatives begin with the same text");
    }

    const llama_grammar &                          grammar_;
    token_texts &                                  texts_;
    std::vector<member>                            order_;
    std::vector<branch>                            todo_;
    std::map<std::set<llama_grammar_stack>, state> states_;
    size_t                                         comparisons_ = 0;
    size_t                                         kept_        = 0;
};

}  // namespace

void forbid_tokens(const llama_grammar & grammar, llama_token_data_array * candidates) {
    const bool  may_end = std::any_of(grammar.stacks.begin(), grammar.stacks.end(),
                                      [](const llama_grammar_stack & stack) { return stack.empty(); });
    token_texts texts;
    texts.all.reserve(candidates->size);
    for (size_t i = 0; i < candidates->size; ++i) {
        llama_token_data & candidate = candidates->data[i];
        if (grammar.vocab->is_eog(candidate.id)) {
            if (!may_end) {
                candidate.logit = -INFINITY;
            }
            continue;
        }
        const std::string & piece = grammar.vocab->token_to_piece(candidate.id);
        const size_t        begin = texts.characters.size();
        llama_partial_utf8  rest  = grammar.partial_utf8;
        if (!piece.empty() && piece.find('\0') == std::string::npos && read_utf8(piece, rest, texts.characters)) {
            texts.all.push_back({&candidate, begin, texts.characters.size() - begin, rest, false});
        } else {
            candidate.logit = -INFINITY;
        }
    }
    token_reader(grammar, texts).run();
    for (const token_text & text : texts.all) {
        if (!text.is_allowed) {
            text.candidate->logit = -INFINITY;
        }
    }
}

}  // namespace xllamacpp
