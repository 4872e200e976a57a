// What a row of the table can say of its field: a unit, a flag, bounds, an example.
#pragma once

#include "params/table.h"

#include <functional>
#include <string>
#include <vector>

namespace xllamacpp {

attribute unit(const char * name);
attribute flag(const char * name);
attribute at_least(double min);
attribute at_most(double max);
attribute between(double min, double max);
attribute positive();
attribute one_of(std::vector<int64_t> values);
attribute exactly(size_t length);
attribute not_empty();
attribute not_zero();
attribute or_minus_infinite();   ///< Takes "-inf" too.
attribute is_json();             ///< A string that is JSON, or empty.
attribute each_value_is_json();  ///< A map's values are texts of JSON.
attribute text_list(char separator, std::function<json(const std::string &)> parse_part);  ///< A string is a list too.
attribute example(const char * json_text);  ///< For the reference, where the type alone suggests none.
attribute secret();                         ///< Not to be shown where parameters are printed.
attribute kept_by_us();                     ///< Follows from other fields; seldom set by hand.

}  // namespace xllamacpp
