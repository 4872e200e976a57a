// What a JSON schema of a request may be made of, seen before any grammar is made of it.
#pragma once

#include "params/value.h"

#include <string>

namespace xllamacpp {

/// What a schema becomes: a grammar of LLGuidance's, or one of llama.cpp's own (GBNF).
enum class schema_target { llguidance, gbnf };

/// Throws std::invalid_argument where a schema would take a grammar's maker down, or minutes or gigabytes of it:
/// "json_schema: #/properties/a: ...". Both follow references and nesting on the stack, multiply what `allOf` joins,
/// and take some keywords' numbers for counts of what to build.
///
/// `name` is what the request calls the schema.
void check_schema_limits(const json & schema, const std::string & name, schema_target target);

}  // namespace xllamacpp
