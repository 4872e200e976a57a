#include "grammars/schema_limits.h"

#include "grammars/schema_walk.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace xllamacpp {

namespace {

struct limits {
    size_t schemas;
    size_t choices;      // of an enum
    size_t optional;     // properties of one object that may be left out
    size_t pattern;      // characters
    size_t repetitions;  // what counts and the braces of patterns ask for, added up
    size_t expanded;     // schemas, where each is written out in the place of a reference to it
};

constexpr size_t unlimited = SIZE_MAX;

// Measured: what is within them is a grammar, or refused by its maker, after a second or two.
const limits of_llguidance = {10000, 10000, 1000, 10000, unlimited, unlimited};
const limits of_gbnf       = {5000, 1000, 100, 1000, 20000, 10000};

// Of both.
constexpr size_t  most_text       = 1000000;
constexpr size_t  most_levels     = 500;
constexpr size_t  most_members    = 1000;
constexpr size_t  most_patterns   = 100;  // "patternProperties": each is compared with each
constexpr size_t  most_name       = 256;
constexpr size_t  most_names      = 4000000;  // the paths of all schemas: GBNF's rules are named so
constexpr size_t  gbnf_repetition = 2000;     // its own limit for one; what has more has no upper limit
constexpr int64_t most_multiple   = 100000;

class inspection {
  public:
    inspection(const json & schema, const std::string & name, schema_target target)
        : root_(schema), name_(name), target_(target),
          limits_(target == schema_target::gbnf ? of_gbnf : of_llguidance) {}

    void run() {
        expect(root_.dump(-1, ' ', false, json::error_handler_t::replace).size(), most_text, "#", "is too long",
               "characters");
        size_t levels = height(root_, "#");
        // A reference leads to each schema once, whatever the way; more are found on it.
        size_t next = 0;
        while (next < references_.size()) {
            const std::string reference = references_[next++];
            levels += height(target_of(reference, reference), reference);
        }
        expect(levels, most_levels, "#", "nests too deep, its references followed", "levels");
        if (is_joined_ && multiples_joined_ > most_multiple) {
            refuse("#", "joins values of multipleOf whose common multiple is too large; at most " +
                            std::to_string(most_multiple) + ", in units of the last digit");
        }
        same_value(root_, "#");
        for (const std::string & reference : references_) {
            same_value(target_of(reference, reference), reference);
        }
        if (target_ == schema_target::gbnf) {
            size_t expanded = written_out(root_, "#");
            for (const std::string & reference : references_) {
                expanded = std::min(unlimited / 2, expanded + written_out(target_of(reference, reference), reference));
            }
            expect(expanded, limits_.expanded, "#", "is too large where allOf joins what it refers to", "schemas");
        }
    }

  private:
    [[noreturn]] void refuse(const std::string & path, const std::string & problem) const {
        constexpr size_t enough = 200;
        throw std::invalid_argument(name_ + ": " + (path.size() > enough ? path.substr(0, enough) + "..." : path) +
                                    ": " + problem);
    }

    void expect(size_t given, size_t most, const std::string & path, const std::string & problem,
                const std::string & unit) const {
        if (given > most) {
            refuse(path, problem + "; at most " + std::to_string(most) + " " + unit);
        }
    }

    const json & target_of(const std::string & reference, const std::string & path) const {
        const json * found = resolve_reference(root_, reference);
        if (found == nullptr) {
            refuse(path, "$ref " + reference.substr(0, most_name) +
                             " leads nowhere: it must be a path in the same schema, such as #/$defs/name");
        }
        return *found;
    }

    /// The levels below and with this schema, references left alone. Each schema is looked at once.
    size_t height(const json & schema, const std::string & path) {
        if (!schema.is_object()) {
            return 0;
        }
        const auto known = heights_.find(&schema);
        if (known != heights_.end()) {
            return known->second;
        }
        expect(heights_.size() + 1, limits_.schemas, "#", "is too large", "schemas");
        names_ += path.size();
        expect(names_, most_names, path, "the names of its properties are too long", "characters on all paths");
        check(schema, path);
        size_t below = 0;
        for_each_part(schema, [&](const json & part, const std::string & step, schema_part) {
            expect(step.size(), most_name + 32, path, "the name of a property is too long", "characters");
            below = std::max(below, height(part, path + step));
        });
        return heights_[&schema] = below + 1;
    }

    void check(const json & schema, const std::string & path) {
        check_reference(schema, path);
        check_sizes(schema, path);
        check_ranges(schema, path);
        check_pattern(schema, path);
        check_multiple(schema, path);
        const json * type = member_of(schema, "type");
        if (type != nullptr && type->is_array() && std::set<json>(type->begin(), type->end()).size() != type->size()) {
            refuse(path, "type names a type twice");
        }
    }

    void check_reference(const json & schema, const std::string & path) {
        if (member_of(schema, "$id") != nullptr && &schema != &root_) {
            refuse(path, "$id is taken at the root alone: references are looked up from there");
        }
        const json * reference = member_of(schema, "$ref");
        if (reference == nullptr) {
            return;
        }
        if (!reference->is_string()) {
            refuse(path, "$ref must be a text");
        }
        const auto text = reference->get<std::string>();
        target_of(text, path);
        is_joined_ |= schema.size() > 1;
        if (std::find(references_.begin(), references_.end(), text) == references_.end()) {
            references_.push_back(text);
            expect(references_.size(), most_levels, path, "refers to too many schemas", "of them");
        }
    }

    void check_sizes(const json & schema, const std::string & path) {
        const auto size = [&](const char * keyword) {
            const json * value = member_of(schema, keyword);
            return value != nullptr && value->is_structured() ? value->size() : 0;
        };
        const size_t properties = size("properties");
        const size_t required   = size("required");
        expect(size("enum"), limits_.choices, path, "enum is too long", "values");
        expect(size("anyOf"), most_members, path, "anyOf is too long", "schemas");
        expect(size("oneOf"), most_members, path, "oneOf is too long", "schemas");
        expect(size("allOf"), most_members, path, "allOf is too long", "schemas");
        expect(properties, most_members, path, "has too many properties", "of them");
        expect(required, most_members, path, "required is too long", "names");
        expect(properties - std::min(properties, required), limits_.optional, path,
               "has too many properties that may be left out", "of them");
        expect(size("patternProperties"), most_patterns, path, "patternProperties is too long", "patterns");
        is_joined_ |= size("allOf") > 1;
    }

    void check_ranges(const json & schema, const std::string & path) {
        static const std::pair<const char *, const char *> ranges[] = {
            {"minLength", "maxLength"},
            {"minItems", "maxItems"},
            {"minProperties", "maxProperties"},
            {"minimum", "maximum"},
        };
        for (const auto & range : ranges) {
            const json * least = member_of(schema, range.first);
            const json * most  = member_of(schema, range.second);
            for (const json * count : {least, most}) {
                if (count != nullptr && !count->is_number()) {
                    refuse(path, std::string(count == least ? range.first : range.second) + " must be a number");
                }
            }
            if (least != nullptr && most != nullptr && least->get<double>() > most->get<double>()) {
                refuse(path, std::string(range.first) + " is above " + range.second + ": no value can be both");
            }
            if (std::string(range.first) != "minimum") {
                check_repetitions(least, most, path);
            }
        }
    }

    void check_repetitions(const json * least, const json * most, const std::string & path) {
        if (target_ != schema_target::gbnf) {
            return;
        }
        const auto value = [](const json * count) { return count != nullptr ? count->get<double>() : 0.0; };
        if (value(least) > gbnf_repetition) {
            refuse(path, "asks for too many; at least " + std::to_string(gbnf_repetition) +
                             " is the most that can be asked for");
        }
        repeat(std::max(value(least), std::min<double>(value(most), gbnf_repetition)), path);
    }

    void repeat(double count, const std::string & path) {
        repetitions_ += static_cast<size_t>(count);
        expect(repetitions_, limits_.repetitions, path, "counts too many lengths, items and repetitions, added up",
               "of them");
    }

    void check_pattern(const json & schema, const std::string & path) {
        const json * pattern = member_of(schema, "pattern");
        if (pattern != nullptr && pattern->is_string()) {
            check_pattern(pattern->get<std::string>(), path);
        }
        if (const json * patterns = member_of(schema, "patternProperties")) {
            for (const auto & item : patterns->items()) {
                check_pattern(item.key(), path);
            }
        }
    }

    void check_pattern(const std::string & pattern, const std::string & path) {
        expect(pattern.size(), limits_.pattern, path, "a pattern is too long", "characters");
        if (target_ != schema_target::gbnf) {
            return;
        }
        for (size_t open = pattern.find('{'); open != std::string::npos; open = pattern.find('{', open + 1)) {
            const char * rest  = pattern.c_str() + open + 1;
            char *       end   = nullptr;
            const auto   least = std::strtod(rest, &end);
            const auto   most  = *end == ',' && end[1] != '}' ? std::strtod(end + 1, nullptr) : least;
            if (!(least <= most && most <= gbnf_repetition)) {
                refuse(path, "a pattern repeats " + pattern.substr(open, 20) + "; at most " +
                                 std::to_string(gbnf_repetition) + " times, and not fewer than at least");
            }
            repeat(most, path);
        }
    }

    /// What a digit of the number counts is what a grammar has a state for.
    void check_multiple(const json & schema, const std::string & path) {
        const json * given = member_of(schema, "multipleOf");
        if (given == nullptr || !given->is_number()) {
            return;
        }
        double value = given->get<double>();
        for (int digit = 0; digit < 15 && std::abs(value - std::round(value)) > 1e-9 * value; ++digit) {
            value *= 10;
        }
        multiples_ += std::max(value, 1.0);
        if (!(multiples_ <= most_multiple)) {
            refuse(path, "the values of multipleOf are too large, added up; at most " + std::to_string(most_multiple) +
                             ", in units of the last digit");
        }
        if (multiples_seen_.insert(value).second) {
            multiples_joined_ *= std::max(value, 1.0);
        }
    }

    /// How many schemas say what one value is: its own, and those that it refers to or chooses from. Throws where it
    /// depends on itself.
    size_t same_value(const json & schema, const std::string & path) {
        return count(same_values_, schema, path, "refers to itself with nothing in between", [&](const auto & add) {
            if (const json * reference = member_of(schema, "$ref")) {
                const auto text = reference->get<std::string>();
                add(same_value(target_of(text, path), text));
            }
            for_each_part(schema, [&](const json & part, const std::string & step, schema_part kind) {
                if (kind == schema_part::joined || kind == schema_part::alternative) {
                    add(same_value(part, path + step));
                }
            });
        });
    }

    /// How many schemas there are where allOf has copies of what it refers to, as in GBNF.
    size_t written_out(const json & schema, const std::string & path) {
        return count(written_out_, schema, path, "refers to itself inside allOf", [&](const auto & add) {
            for_each_part(schema, [&](const json & part, const std::string & step, schema_part kind) {
                const json * reference = member_of(part, "$ref");
                if (kind == schema_part::joined && reference != nullptr) {
                    const auto text = reference->get<std::string>();
                    add(written_out(target_of(text, path), text));
                } else if (kind != schema_part::aside) {
                    add(written_out(part, path + step));
                }
            });
        });
    }

    using counts = std::unordered_map<const json *, size_t>;

    template <typename add_parts>
    size_t count(counts & known, const json & schema, const std::string & path, const char * circle,
                 const add_parts & parts) {
        constexpr size_t under_way = 0;
        const auto       entry     = known.emplace(&schema, under_way);
        if (!entry.second) {
            if (entry.first->second == under_way) {
                refuse(path, circle);
            }
            return entry.first->second;
        }
        size_t sum = 1;
        parts([&](size_t part) { sum = std::min(unlimited / 2, sum + part); });
        expect(sum, limits_.expanded, path, "is too large, its references followed", "schemas");
        return known[&schema] = sum;
    }

    const json &        root_;
    const std::string & name_;
    const schema_target target_;
    const limits        limits_;

    std::vector<std::string> references_;
    counts                   heights_;
    counts                   same_values_;
    counts                   written_out_;
    size_t                   names_            = 0;
    size_t                   repetitions_      = 0;
    double                   multiples_        = 0;
    double                   multiples_joined_ = 1;
    std::set<double>         multiples_seen_;
    bool                     is_joined_ = false;
};

}  // namespace

void check_schema_limits(const json & schema, const std::string & name, schema_target target) {
    inspection(schema, name, target).run();
}

}  // namespace xllamacpp
