#include "grammars/llama_grammar_ways.h"

#include <utility>

namespace xllamacpp {

namespace {

/// 32 MB of pointers: a grammar that nests deep has long ways.
constexpr size_t most_elements = 4000000;

bool is_end(const llama_grammar_element & element) {
    return element.type == LLAMA_GRETYPE_END || element.type == LLAMA_GRETYPE_ALT;
}

bool is_rule(const llama_grammar_stack & stack) {
    return !stack.empty() && stack.back()->type == LLAMA_GRETYPE_RULE_REF;
}

/// Calls `use` with the first and the last character of each range in a set. The element after the set.
template <typename Use> const llama_grammar_element * for_each_range(const llama_grammar_element * set, Use use) {
    do {
        const bool is_range = set[1].type == LLAMA_GRETYPE_CHAR_RNG_UPPER;
        if (set->type == LLAMA_GRETYPE_CHAR_ANY) {
            use(uint32_t{0}, UINT32_MAX);
        } else {
            use(set->value, is_range ? set[1].value : set->value);
        }
        set += is_range ? 2 : 1;
    } while (set->type == LLAMA_GRETYPE_CHAR_ALT);
    return set;
}

}  // namespace

bool grammar_ways::take(llama_grammar_stack && stack) {
    elements_ += stack.size() + 1;
    todo_.push_back(std::move(stack));
    return elements_ <= most_elements;
}

bool grammar_ways::add(llama_grammar_stack stack) {
    if (!take(std::move(stack))) {
        return false;
    }
    while (!todo_.empty()) {
        llama_grammar_stack current = std::move(todo_.back());
        todo_.pop_back();
        if (!is_rule(current)) {
            if (all_.size() >= most_ && all_.count(current) == 0) {
                todo_.clear();
                return false;
            }
            all_.insert(std::move(current));
            continue;
        }
        if (!replaced_.insert(current).second) {
            continue;
        }
        const llama_grammar_element * rule = current.back();
        current.pop_back();
        if (!is_end(rule[1])) {
            current.push_back(rule + 1);
        }
        const llama_grammar_element * alternative = rules_[rule->value].data();
        for (bool is_last = false; !is_last; ++alternative) {
            llama_grammar_stack next = current;
            if (!is_end(*alternative)) {
                next.push_back(alternative);
            }
            if (!take(std::move(next))) {
                todo_.clear();
                return false;
            }
            while (!is_end(*alternative)) {
                ++alternative;
            }
            is_last = alternative->type == LLAMA_GRETYPE_END;
        }
    }
    return true;
}

bool grammar_ways::add_next(const llama_grammar_stack & way, const llama_grammar_element * after) {
    llama_grammar_stack next(way.begin(), way.end() - 1);
    if (!is_end(*after)) {
        next.push_back(after);
    }
    return add(std::move(next));
}

bool is_character_set(const llama_grammar_element & element) {
    return element.type == LLAMA_GRETYPE_CHAR || element.type == LLAMA_GRETYPE_CHAR_NOT ||
           element.type == LLAMA_GRETYPE_CHAR_ANY;
}

character_match match_character(const llama_grammar_element * set, uint32_t character) {
    bool       is_named = false;
    const auto after    = for_each_range(
        set, [&](uint32_t first, uint32_t last) { is_named = is_named || (first <= character && character <= last); });
    return {is_named != (set->type == LLAMA_GRETYPE_CHAR_NOT), after};
}

bool match_token(const llama_grammar_element * element, llama_token token) {
    const bool is_it = element->value == static_cast<uint32_t>(token);
    return (element->type == LLAMA_GRETYPE_TOKEN && is_it) || (element->type == LLAMA_GRETYPE_TOKEN_NOT && !is_it);
}

bool may_match(const llama_grammar_element * set, llama_partial_utf8 beginning) {
    // No character of two bytes begins so: it would have fit into one.
    if (beginning.n_remain < 0 || (beginning.n_remain == 1 && beginning.value < 2)) {
        return false;
    }
    const uint32_t bits = static_cast<uint32_t>(beginning.n_remain) * 6;
    uint32_t       low  = beginning.value << bits;
    const uint32_t high = low | ((uint32_t{1} << bits) - 1);
    if (low == 0 && beginning.n_remain > 1) {
        low = beginning.n_remain == 2 ? 0x800 : 0x10000;
    }
    bool is_named = false;
    for_each_range(set, [&](uint32_t first, uint32_t last) { is_named = is_named || (first <= high && low <= last); });
    return is_named != (set->type == LLAMA_GRETYPE_CHAR_NOT);
}

bool read_utf8(const std::string & text, llama_partial_utf8 & beginning, std::vector<uint32_t> & characters) {
    uint32_t value  = beginning.value;
    uint32_t remain = beginning.n_remain > 0 ? static_cast<uint32_t>(beginning.n_remain) : 0;
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        if (remain > 0) {
            if ((byte & 0xC0U) != 0x80) {
                return false;
            }
            value = (value << 6U) | (byte & 0x3FU);
            --remain;
        } else if (byte < 0x80) {
            value = byte;
        } else if (byte >= 0xC0 && byte < 0xF8) {
            remain = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
            value  = byte & (0x3FU >> remain);
        } else {
            return false;
        }
        if (remain == 0) {
            characters.push_back(value);
        }
    }
    beginning = {value, static_cast<int>(remain)};
    return true;
}

}  // namespace xllamacpp
