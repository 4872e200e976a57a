// Which JSON schemas llama.cpp's own grammars (GBNF) can express.
#pragma once

#include "params/value.h"

#include <string>

namespace xllamacpp {

/// Throws std::invalid_argument where llama.cpp would drop a keyword without a word, and answers could break it:
/// "json_schema: #/properties/a: multipleOf is more than ...". `name` is what the request calls the schema, which must
/// be within the limits (check_schema_limits).
void check_gbnf_expresses(const json & schema, const std::string & name);

}  // namespace xllamacpp
