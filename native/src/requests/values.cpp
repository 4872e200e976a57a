#include "requests/values.h"

#include <cmath>
#include <cstdint>

namespace xllamacpp {

const json * given(const json & body, const char * option) {
    const auto found = body.find(option);
    return found == body.end() || found->is_null() ? nullptr : &*found;
}

json as_whole(const json & value) {
    if (value.is_number_float()) {
        const double number = value.get<double>();
        if (std::floor(number) == number && std::fabs(number) < static_cast<double>(INT64_MAX)) {
            return static_cast<int64_t>(number);
        }
    }
    return value;
}

void check_whole(const json & body, const char * option, int64_t low, int64_t high, const char * advice) {
    const json * const value = given(body, option);
    if (!value) {
        return;
    }
    const json whole = as_whole(*value);
    // Above the largest signed number an unsigned one would compare as a negative.
    const bool is_huge = whole.is_number_unsigned() && whole.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    if (!whole.is_number_integer() || is_huge || whole < low || whole > high) {
        refuse(option, *value, "a whole number from " + std::to_string(low) + " to " + std::to_string(high) + advice);
    }
}

void check_text(const json & body, const char * option, const char * what) {
    const json * const value = given(body, option);
    if (value && !value->is_string()) {
        refuse(option, *value, what);
    }
}

void check_texts(const json & body, const char * option) {
    const json * const value = given(body, option);
    if (!value) {
        return;
    }
    if (!value->is_array()) {
        refuse(option, *value, "a list of strings");
    }
    for (size_t i = 0; i < value->size(); ++i) {
        if (!(*value)[i].is_string()) {
            refuse(option + ("." + std::to_string(i)), (*value)[i], "a string");
        }
    }
}

void check_text_or_texts(const json & body, const char * option) {
    const json * const value = given(body, option);
    if (value && value->is_array()) {
        check_texts(body, option);
    } else {
        check_text(body, option, "a string or a list of strings");
    }
}

void check_object(const json & body, const char * option, const char * what) {
    const json * const value = given(body, option);
    if (value && !value->is_object()) {
        refuse(option, *value, what);
    }
}

}  // namespace xllamacpp
