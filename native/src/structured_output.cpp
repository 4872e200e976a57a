#include "structured_output.h"

#include "json-schema-to-grammar.h"
#include "json.h"

namespace xllamacpp {

#ifdef LLAMA_USE_LLGUIDANCE

namespace {

/// The schema that the body asks for, or null. The rules are llama.cpp's (oaicompat_chat_params_parse).
common_json requested_schema(const common_json & body) {
    common_json schema = body.contains("json_schema") ? body.at("json_schema") : common_json(nullptr);
    if (body.contains("response_format") && body.at("response_format").is_object()) {
        const common_json & format = body.at("response_format");
        const std::string   type =
            format.contains("type") && format.at("type").is_string() ? format.at("type").get<std::string>() : "";
        if (type == "json_object" && (format.contains("schema") || schema.is_null())) {
            schema = format.contains("schema") ? format.at("schema") : common_json::object();
        } else if (type == "json_schema") {
            const bool wrapped = format.contains("json_schema") && format.at("json_schema").is_object() &&
                                 format.at("json_schema").contains("schema");
            schema             = wrapped ? format.at("json_schema").at("schema") : common_json::object();
        } else if (type != "json_object" && type != "text") {
            return nullptr;  // llama.cpp says what is wrong with it
        }
    }
    if (schema.is_object() && schema.empty()) {
        schema["type"] = "object";
    }
    return schema;
}

bool has(const common_json & body, const char * name) {
    return body.contains(name) && !body.at(name).is_null() && !(body.at(name).is_array() && body.at(name).empty()) &&
           !(body.at(name).is_string() && body.at(name).get<std::string>().empty());
}

}  // namespace

std::string schema_to_grammar(const std::string & chat_body) {
    // Most requests have none, and need not be parsed twice.
    if (chat_body.find("\"json_schema\"") == std::string::npos &&
        chat_body.find("\"response_format\"") == std::string::npos) {
        return chat_body;
    }
    common_json body = common_json::parse(chat_body);
    if (!body.is_object() || has(body, "tools") || has(body, "grammar")) {
        return chat_body;
    }
    const common_json schema = requested_schema(body);
    if (!schema.is_object()) {
        return chat_body;
    }
    body.erase("json_schema");
    body.erase("response_format");
    body["grammar"] = json_schema_to_grammar(schema);
    return body.dump();
}

#else

std::string schema_to_grammar(const std::string & chat_body) { return chat_body; }

#endif

}  // namespace xllamacpp
