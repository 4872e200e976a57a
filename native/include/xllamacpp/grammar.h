// JSON schema to grammar.
#pragma once

#include <string>

namespace xllamacpp {

/// Turns a JSON schema into the grammar that constrains output to it.
///
/// With LLGuidance the result is in its Lark format, else, or where `gbnf` asks for it, in llama.cpp's GBNF. Throws
/// std::invalid_argument for text that is no schema, for a schema beyond the limits, and for one that GBNF cannot
/// express.
std::string json_schema_to_grammar(const std::string & schema_json, bool gbnf = false);

}  // namespace xllamacpp
