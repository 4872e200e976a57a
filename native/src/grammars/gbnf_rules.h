// The rules of a grammar, as far as it matters which rule begins with which.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace xllamacpp {

class gbnf_rules {
  public:
    /// What a rule is made of: another rule, by its number, or text.
    static constexpr size_t text = static_cast<size_t>(-1);

    using sequence = std::vector<size_t>;

    /// The number of a new rule. What stands for a group or a repetition has no name of its own.
    size_t add(const std::string & name = "");

    /// Gives a rule its alternatives, in the place of those that it has.
    void define(size_t number, std::vector<sequence> alternatives);

    size_t size() const { return rules_.size(); }

    /// The number of a rule that comes back to itself before it has taken a character, or `text` where there is none.
    /// llama.cpp would follow it for ever.
    size_t find_left_recursion();

    /// How a rule can begin: in how many ways, each of which llama.cpp keeps, and how many elements are to come in them
    /// together.
    struct beginnings {
        size_t ways     = 0;
        size_t elements = 0;
    };

    /// Needs that no rule comes back to itself. Each number is `most_counted` where it would be more.
    beginnings count_beginnings(size_t number);

    static constexpr size_t most_counted = 1000000000;

    const std::string & name_of(size_t number) const { return rules_[number].name; }

  private:
    enum class state { unseen, under_way, seen };

    struct rule {
        std::string           name;
        std::vector<sequence> alternatives;
        bool                  may_be_empty = false;
        state                 visited      = state::unseen;
        beginnings            begins;  // no ways where they were not counted yet
    };

    void   find_empty();
    bool   may_be_empty(const sequence & symbols) const;
    size_t follow(size_t number);

    std::vector<rule> rules_;
};

}  // namespace xllamacpp
