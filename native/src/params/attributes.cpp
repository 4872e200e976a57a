#include "params/attributes.h"

#include <sstream>

namespace xllamacpp {

attribute unit(const char * name) {
    return [name](field & f) { f.unit = name; };
}

attribute flag(const char * name) {
    return [name](field & f) { f.flag = name; };
}

attribute at_least(double min) {
    return [min](field & f) { f.min = min; };
}

attribute between(double min, double max) {
    return [min, max](field & f) {
        f.min = min;
        f.max = max;
    };
}

attribute positive() {
    return [](field & f) { f.above_zero = true; };
}

attribute one_of(std::vector<int64_t> values) {
    return [values = std::move(values)](field & f) { f.choices = values; };
}

attribute exactly(size_t length) {
    return [length](field & f) { f.length = length; };
}

attribute not_empty() {
    return [](field & f) { f.non_empty = true; };
}

attribute not_zero() {
    return [](field & f) { f.non_zero = true; };
}

attribute at_most(double max) {
    return [max](field & f) { f.max = max; };
}

attribute or_minus_infinite() {
    return [](field & f) { f.minus_infinite = true; };
}

attribute is_json() {
    return [](field & f) { f.json_text = true; };
}

attribute each_value_is_json() {
    return [](field & f) { f.json_values = true; };
}

attribute text_list(char separator, std::function<json(const std::string &)> parse_part) {
    return [separator, parse_part = std::move(parse_part)](field & f) {
        f.from_text = [separator, parse_part](const std::string & text) {
            json               parts = json::array();
            std::istringstream stream(text);
            for (std::string one; std::getline(stream, one, separator);) {
                parts.push_back(parse_part(one));
            }
            return parts;
        };
    };
}

attribute example(const char * json_text) {
    return [json_text](field & f) { f.example = json_text; };
}

attribute secret() {
    return [](field & f) { f.secret = true; };
}

attribute kept_by_us() {
    return [](field & f) { f.bookkeeping = true; };
}

}  // namespace xllamacpp
