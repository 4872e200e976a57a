#include "grammars/gbnf.h"

#include "grammars/gbnf_rules.h"
#include "grammars/gbnf_scanner.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>

namespace xllamacpp {

namespace {

constexpr size_t most_repeated   = 2000;    // llama.cpp's own limit, for all that one repetition makes
constexpr size_t most_elements   = 200000;  // once repetitions are written out
constexpr size_t most_nested     = 100;
constexpr size_t most_rules      = 5000;
constexpr size_t most_beginnings = 20000;
constexpr size_t most_begun      = 4000000;  // elements: 32 MB of pointers

/// An item of a sequence: what it stands for, and what llama.cpp makes of it.
struct item {
    gbnf_rules::sequence symbols;  // none where it is empty
    size_t               elements = 1;
    size_t               made     = 1;  // rules
};

struct named_rule {
    size_t number;
    size_t mentioned;
    bool   is_defined;
};

class reader {
  public:
    explicit reader(const std::string & text) : text_(text) {
        const size_t zero = text.find('\0');
        if (zero != std::string::npos) {
            text_.fail(zero, "a grammar is text and cannot have the character U+0000");
        }
    }

    void run() {
        for (text_.skip_space(true); !text_.at_end(); text_.skip_space(true)) {
            read_rule();
        }
        const auto root = names_.find("root");
        if (root == names_.end() || !root->second.is_defined) {
            text_.fail(0, "there is no rule that is named root: answers begin there");
        }
        for (const auto & entry : names_) {
            if (!entry.second.is_defined) {
                text_.fail(entry.second.mentioned, "there is no rule that is named " + entry.first);
            }
        }
        const size_t circle = rules_.find_left_recursion();
        if (circle != gbnf_rules::text) {
            const std::string & name = rules_.name_of(circle);
            text_.fail(names_.at(name).mentioned,
                       "the rule " + name + " comes back to itself before it has taken a character (left recursion)");
        }
        const gbnf_rules::beginnings begins = rules_.count_beginnings(root->second.number);
        if (begins.ways > most_beginnings || begins.elements > most_begun) {
            text_.fail(root->second.mentioned,
                       "there are too many ways for an answer to begin; at most " + std::to_string(most_beginnings) +
                           ": let fewer alternatives begin with rules that have alternatives themselves");
        }
    }

  private:
    void read_rule() {
        const size_t      start = text_.position();
        const std::string name  = text_.read_name();
        text_.skip_space(false);
        if (!text_.take("::=")) {
            text_.expected("::= after the name of a rule");
        }
        text_.skip_space(true);
        const size_t number     = number_of(name, start);
        names_[name].is_defined = true;
        rules_.define(number, read_alternatives(name, 0));
        if (!text_.at_end() && text_.peek() != '\n' && text_.peek() != '\r') {
            text_.expected("a quoted text, [characters], a rule, a group, or the end of the line");
        }
    }

    size_t number_of(const std::string & name, size_t at) {
        const auto found = names_.find(name);
        if (found != names_.end()) {
            return found->second.number;
        }
        const size_t number = add_rule(name, at);
        names_[name]        = {number, at, false};
        ++made_;
        return number;
    }

    size_t add_rule(const std::string & name, size_t at) {
        if (rules_.size() >= most_rules) {
            text_.fail(at, "too many rules, groups and repetitions; at most " + std::to_string(most_rules));
        }
        return rules_.add(name);
    }

    /// `rule` is the one that they are part of.
    std::vector<gbnf_rules::sequence> read_alternatives(const std::string & rule, size_t depth) {
        std::vector<gbnf_rules::sequence> all = {read_sequence(rule, depth)};
        while (text_.take("|")) {
            text_.skip_space(true);
            all.push_back(read_sequence(rule, depth));
        }
        return all;
    }

    gbnf_rules::sequence read_sequence(const std::string & rule, size_t depth) {
        gbnf_rules::sequence sequence;
        item                 last;
        const auto append_last = [&] { sequence.insert(sequence.end(), last.symbols.begin(), last.symbols.end()); };
        for (bool has_last = false; !text_.at_end();) {
            if (std::strchr("*+?{", text_.peek()) != nullptr) {
                if (!has_last) {
                    text_.expected("something to repeat before it");
                }
                repeat(last, rule, depth);
                continue;
            }
            const size_t start = text_.position();
            item         next;
            if (!read_item(next, rule, depth)) {
                break;
            }
            append_last();
            last     = std::move(next);
            has_last = true;
            count(last.elements, start);
            text_.skip_space(depth > 0);
        }
        append_last();
        return sequence;
    }

    /// False where no item begins here.
    bool read_item(item & found, const std::string & rule, size_t depth) {
        const char c = text_.peek();
        if (is_gbnf_name(c)) {
            const size_t start = text_.position();
            found.symbols      = {number_of(text_.read_name(), start)};
            return true;
        }
        switch (c) {
            case '(': read_group(found, rule, depth); return true;
            case '"': found.elements = text_.read_quoted(); break;
            case '[': found.elements = text_.read_set(); break;
            case '.': text_.take("."); break;
            case '<':
            case '!': text_.read_token(); break;
            default:  return false;
        }
        if (found.elements > 0) {
            found.symbols = {gbnf_rules::text};
        }
        return true;
    }

    void read_group(item & found, const std::string & rule, size_t depth) {
        const size_t start = text_.position();
        if (depth >= most_nested) {
            text_.fail(start, "groups nest too deep; at most " + std::to_string(most_nested) + " levels");
        }
        text_.take("(");
        text_.skip_space(true);
        const size_t before = made_++;
        const size_t number = add_rule(rule, start);
        rules_.define(number, read_alternatives(rule, depth + 1));
        if (!text_.take(")")) {
            text_.expected(") at the end of a group");
        }
        found.symbols = {number};
        found.made    = made_ - before;
    }

    void repeat(item & repeated, const std::string & rule, size_t depth) {
        const size_t start = text_.position();
        uint64_t     least = 0;
        uint64_t     most  = UINT64_MAX;
        if (text_.take("{")) {
            read_counts(least, most, depth);
        } else if (text_.take("?")) {
            most = 1;
        } else if (text_.take("+")) {
            least = 1;
        } else {
            text_.take("*");
        }
        text_.skip_space(depth > 0);
        if (least > most) {
            text_.fail(start,
                       "a repetition of at least " + std::to_string(least) + " and at most " + std::to_string(most));
        }
        // llama.cpp sets no upper limit where it would be above its own.
        const bool     is_open = most > most_repeated;
        const uint64_t times   = std::max<uint64_t>(is_open ? least : most, 1);
        if (times > most_repeated || repeated.made * times > most_repeated) {
            text_.fail(start, "too many repetitions, those inside each other multiplied; at most " +
                                  std::to_string(most_repeated));
        }
        count(repeated.elements * (times + 1), start);
        made_ += is_open ? 1 : most - least;
        repeated.made *= times;
        gbnf_rules::sequence written_out;
        for (uint64_t i = 0; i < times; ++i) {
            written_out.insert(written_out.end(), repeated.symbols.begin(), repeated.symbols.end());
        }
        repeated.symbols = std::move(written_out);
        if (least == 0) {
            const size_t number = add_rule(rule, start);
            rules_.define(number, {repeated.symbols, {}});
            repeated.symbols = {number};
        }
    }

    void read_counts(uint64_t & least, uint64_t & most, size_t depth) {
        text_.skip_space(depth > 0);
        least = text_.read_number();
        most  = least;
        text_.skip_space(depth > 0);
        if (text_.take(",")) {
            text_.skip_space(depth > 0);
            most = is_gbnf_digit(text_.peek()) ? text_.read_number() : UINT64_MAX;
            text_.skip_space(depth > 0);
        }
        if (!text_.take("}")) {
            text_.expected("} at the end of a repetition");
        }
    }

    void count(size_t elements, size_t at) {
        elements_ += elements;
        if (elements_ > most_elements) {
            text_.fail(at, "the grammar is too large once its repetitions are written out");
        }
    }

    gbnf_scanner                      text_;
    size_t                            made_     = 0;  // rules, as llama.cpp counts them
    size_t                            elements_ = 0;
    gbnf_rules                        rules_;
    std::map<std::string, named_rule> names_;
};

}  // namespace

void check_gbnf(const std::string & grammar) { reader(grammar).run(); }

}  // namespace xllamacpp
