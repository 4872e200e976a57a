#include "grammars/gbnf_rules.h"

#include <algorithm>
#include <utility>

namespace xllamacpp {

size_t gbnf_rules::add(const std::string & name) {
    rules_.push_back({name, {}, false, state::unseen, {}});
    return rules_.size() - 1;
}

void gbnf_rules::define(size_t number, std::vector<sequence> alternatives) {
    rules_[number].alternatives = std::move(alternatives);
}

bool gbnf_rules::may_be_empty(const sequence & symbols) const {
    return std::all_of(symbols.begin(), symbols.end(),
                       [&](size_t symbol) { return symbol != text && rules_[symbol].may_be_empty; });
}

void gbnf_rules::find_empty() {
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (rule & r : rules_) {
            if (!r.may_be_empty && std::any_of(r.alternatives.begin(), r.alternatives.end(),
                                               [&](const sequence & symbols) { return may_be_empty(symbols); })) {
                r.may_be_empty = true;
                is_changed     = true;
            }
        }
    }
}

/// The rule that is met again on the way from here, or `text`.
size_t gbnf_rules::follow(size_t number) {
    rule & r = rules_[number];
    if (r.visited != state::unseen) {
        return r.visited == state::under_way ? number : text;
    }
    r.visited = state::under_way;
    for (const sequence & symbols : r.alternatives) {
        for (const size_t symbol : symbols) {
            if (symbol == text) {
                break;
            }
            const size_t met = follow(symbol);
            if (met != text) {
                return met;
            }
            if (!rules_[symbol].may_be_empty) {
                break;
            }
        }
    }
    r.visited = state::seen;
    return text;
}

size_t gbnf_rules::find_left_recursion() {
    find_empty();
    for (size_t number = 0; number < rules_.size(); ++number) {
        const size_t met = follow(number);
        if (met != text) {
            return met;
        }
    }
    return text;
}

gbnf_rules::beginnings gbnf_rules::count_beginnings(size_t number) {
    beginnings & begins = rules_[number].begins;
    if (begins.ways > 0) {
        return begins;
    }
    for (const sequence & symbols : rules_[number].alternatives) {
        size_t position = 0;
        for (bool may_follow = true; may_follow && position < symbols.size(); ++position) {
            const size_t     symbol  = symbols[position];
            const bool       is_last = position + 1 == symbols.size();
            const beginnings from    = symbol == text ? beginnings{1, 1} : count_beginnings(symbol);
            begins.ways              = std::min(begins.ways + from.ways, most_counted);
            begins.elements = std::min(begins.elements + from.elements + (is_last ? 0 : from.ways), most_counted);
            may_follow      = symbol != text && rules_[symbol].may_be_empty;
        }
    }
    // An empty text is a way too.
    begins.ways = std::max<size_t>(begins.ways, 1);
    return begins;
}

}  // namespace xllamacpp
