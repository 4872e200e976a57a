#include "xllamacpp/grammar.h"

#include "requests/json_limits.h"
#include "grammars/structured_output.h"

#include <stdexcept>

namespace xllamacpp {

std::string json_schema_to_grammar(const std::string & schema_json, bool gbnf) {
    check_json_limits(schema_json, "the schema");
    json schema;
    try {
        schema = json::parse(schema_json);
    } catch (const json::exception & e) {
        throw std::invalid_argument(std::string("the schema is not valid JSON: ") + e.what());
    }
    if (!schema.is_object()) {
        throw std::invalid_argument("a schema is an object; got " + schema.dump().substr(0, 100));
    }
    return schema_grammar(schema, "the schema", gbnf);
}

}  // namespace xllamacpp
