// The ways in which a grammar of llama.cpp's can read a text, within a limit.
//
// A way is one of llama.cpp's stacks: what is still to come, its next element at the end. That element is a set of
// characters or a token, never a rule, as a rule gives as many ways as there are for it to begin. A way with nothing to
// come is one in which the text may end here.
#pragma once

#include "llama-grammar.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace xllamacpp {

class grammar_ways {
  public:
    /// Far more than there are where a grammar has a use for them.
    static constexpr size_t most_ways = 4096;

    explicit grammar_ways(const llama_grammar_rules & rules, size_t most = most_ways) : rules_(rules), most_(most) {}

    /// Adds the ways that a stack stands for, whose next element may be a rule. False where they are too many, or too
    /// long; then some of them are missing.
    bool add(llama_grammar_stack stack);

    /// Adds what a way comes to when its next element, which ends before `after`, has been read. False as with `add`.
    bool add_next(const llama_grammar_stack & way, const llama_grammar_element * after);

    /// All of them, which are then no longer here.
    std::set<llama_grammar_stack> take_all() { return std::move(all_); }

  private:
    bool take(llama_grammar_stack && stack);

    const llama_grammar_rules &      rules_;
    size_t                           most_;
    size_t                           elements_ = 0;
    std::set<llama_grammar_stack>    all_;
    std::set<llama_grammar_stack>    replaced_;  // those whose next element is a rule
    std::vector<llama_grammar_stack> todo_;
};

/// Whether a set of characters has one, and the element after the set.
struct character_match {
    bool                          is_in;
    const llama_grammar_element * after;
};

bool is_character_set(const llama_grammar_element & element);

character_match match_character(const llama_grammar_element * set, uint32_t character);

/// Whether an element is that token, or any but another.
bool match_token(const llama_grammar_element * element, llama_token token);

/// Whether a set of characters may have one that begins like this. As in llama.cpp, a set of all others but some has
/// none where one of the some begins so.
bool may_match(const llama_grammar_element * set, llama_partial_utf8 beginning);

/// Reads UTF-8, going on with the character whose beginning is in `beginning`, and leaves there what the text ends in.
/// False where it is not UTF-8.
bool read_utf8(const std::string & text, llama_partial_utf8 & beginning, std::vector<uint32_t> & characters);

}  // namespace xllamacpp
