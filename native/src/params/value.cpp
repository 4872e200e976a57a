#include "params/value.h"

#include "params/table.h"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace xllamacpp {

namespace {

// A message stays readable, whatever was given.
constexpr size_t longest_quote = 100;

std::string quote(const json & given) {
    std::string text = given.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > longest_quote) {
        text.resize(longest_quote);
        text += "...";
    }
    return text;
}

}  // namespace

void refuse(const std::string & path, const json & given, const std::string & expected, const std::string & nearest) {
    throw parameter_error(path + ": expected " + expected + ", got " + quote(given) +
                          (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

std::string nearest_name(const std::string & wrong, const std::vector<std::string> & known) {
    // Levenshtein's distance; further away than a third of the name is not what was meant.
    size_t      nearest_distance = std::max<size_t>(2, wrong.size() / 3) + 1;
    std::string nearest;
    for (const std::string & name : known) {
        std::vector<size_t> row(name.size() + 1);
        std::iota(row.begin(), row.end(), size_t{0});
        for (size_t i = 0; i < wrong.size(); ++i) {
            size_t diagonal = row[0];
            row[0]          = i + 1;
            for (size_t j = 0; j < name.size(); ++j) {
                const size_t replaced = diagonal + (wrong[i] == name[j] ? 0 : 1);
                diagonal              = row[j + 1];
                row[j + 1]            = std::min({row[j] + 1, row[j + 1] + 1, replaced});
            }
        }
        if (row.back() < nearest_distance) {
            nearest_distance = row.back();
            nearest          = name;
        }
    }
    return nearest;
}

part value_type::find(void *, const std::string & key, const std::string & path) const {
    throw parameter_error(path + ": there is no '" + key + "' in " + expected());
}

size_t parse_index(const std::string & key, size_t size, const std::string & path) {
    size_t             index  = 0;
    const char * const end    = key.data() + key.size();
    const auto         result = std::from_chars(key.data(), end, index);
    if (result.ec != std::errc() || result.ptr != end || index >= size) {
        throw parameter_error(path + ": expected an index below the list's length of " + std::to_string(size) +
                              ", got '" + key + "'");
    }
    return index;
}

json shortest_decimal(float value) {
    char        digits[32];
    const auto  result = std::to_chars(digits, digits + sizeof(digits), value);
    std::string text(digits, result.ptr);
    // Without a point or an exponent JSON would take it for an integer.
    if (text.find_first_of(".e") == std::string::npos) {
        text += ".0";
    }
    return json::parse(text);
}

double read_number(const json & given, double largest, const std::string & path) {
    if (given == "inf" || given == "-inf") {
        const double infinity = std::numeric_limits<double>::infinity();
        return given == "inf" ? infinity : -infinity;
    }
    // The shortest decimal of the largest float is a little above it.
    constexpr double rounding = 1.0 + std::numeric_limits<float>::epsilon() / 4.0;
    if (!given.is_number() || std::fabs(given.get<double>()) > largest * rounding) {
        refuse(path, given, "a number");
    }
    return given.get<double>();
}

json boolean_type::read(const void * value) const { return *static_cast<const bool *>(value); }

void boolean_type::write(void * value, const json & given, const std::string & path) const {
    if (!given.is_boolean()) {
        refuse(path, given, expected());
    }
    *static_cast<bool *>(value) = given.get<bool>();
}

json        boolean_type::describe() const { return {{"kind", "boolean"}}; }
std::string boolean_type::expected() const { return "true or false"; }

json text_type::read(const void * value) const { return *static_cast<const std::string *>(value); }

void text_type::write(void * value, const json & given, const std::string & path) const {
    // llama.cpp hands most of its strings on as C strings, which would end at a NUL without a word.
    if (!given.is_string() || given.get_ref<const std::string &>().find('\0') != std::string::npos) {
        refuse(path, given, expected());
    }
    *static_cast<std::string *>(value) = given.get<std::string>();
}

json        text_type::describe() const { return {{"kind", "string"}}; }
std::string text_type::expected() const { return "a string without a NUL character"; }

json text_map_type::read(const void * value) const {
    json out = json::object();
    for (const auto & [key, text] : *static_cast<const std::map<std::string, std::string> *>(value)) {
        out[key] = text;
    }
    return out;
}

void text_map_type::write(void * value, const json & given, const std::string & path) const {
    if (!given.is_object()) {
        refuse(path, given, expected());
    }
    std::map<std::string, std::string> values;
    for (const auto & item : given.items()) {
        type_of<std::string>().write(&values[item.key()], item.value(), path + "." + item.key());
    }
    *static_cast<std::map<std::string, std::string> *>(value) = std::move(values);
}

json        text_map_type::describe() const { return {{"kind", "map"}, {"of", type_of<std::string>().describe()}}; }
std::string text_map_type::expected() const { return "an object whose values are strings"; }

}  // namespace xllamacpp
