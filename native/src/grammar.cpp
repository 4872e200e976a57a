#include "xllamacpp/grammar.h"

#include "json-schema-to-grammar.h"
#include "json.h"

#include <stdexcept>

namespace xllamacpp {

std::string json_schema_to_grammar(const std::string & schema_json) {
    common_json schema;
    try {
        schema = common_json::parse(schema_json);
    } catch (const std::exception & e) {
        throw std::invalid_argument(std::string("the schema is not valid JSON: ") + e.what());
    }
    return ::json_schema_to_grammar(schema);
}

}  // namespace xllamacpp
