#include "grammars/structured_output.h"

#include "grammars/gbnf.h"
#include "grammars/gbnf_schema.h"
#include "grammars/lark.h"
#include "grammars/schema_limits.h"
#include "grammars/schema_walk.h"

#include "json-schema-to-grammar.h"
#include "json.h"

#include <stdexcept>
#include <vector>

namespace xllamacpp {

namespace {

[[noreturn]] void reject(const std::string & problem) { throw std::invalid_argument(problem); }

/// The member of that name, or null where there is none or it is null.
const json * given(const json & object, const char * name) {
    const json * value = member_of(object, name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

const json * given(const json & object, const char * name, json::value_t type, const char * expected) {
    const json * value = given(object, name);
    if (value != nullptr && value->type() != type) {
        reject(std::string(name) + ": expected " + expected + ", got " + value->dump().substr(0, 100));
    }
    return value;
}

/// What a request asks for, and the name that it has there.
struct wish {
    std::string name;
    json        schema;
    bool        is_any;  ///< Any JSON object will do.
};

json object_schema() { return {{"type", "object"}}; }

/// `response_format`, or `text.format`, which has what belongs to the schema one level higher.
void read_format(const json & format, const std::string & name, std::vector<wish> & wishes) {
    const json *      type = given(format, "type", json::value_t::string, "a text");
    const std::string kind = type != nullptr ? type->get<std::string>() : "text";
    if (kind != "text" && kind != "json_object" && kind != "json_schema") {
        reject(name + ": there is no type \"" + kind + "\"; expected \"text\", \"json_object\" or \"json_schema\"");
    }
    if (kind == "text") {
        return;
    }
    const json * schema  = given(format, "schema");
    const json * wrapper = given(format, "json_schema", json::value_t::object, "an object");
    if (kind == "json_schema" && wrapper != nullptr) {
        schema = given(*wrapper, "schema");
    }
    if (schema == nullptr && kind == "json_schema") {
        reject(name + ": the type \"json_schema\" needs a schema");
    }
    wishes.push_back({name, schema != nullptr ? *schema : object_schema(), schema == nullptr});
}

/// The formats that a request asks for, by the names of its path.
std::vector<wish> read_formats(const json & body, request_kind kind) {
    std::vector<wish> wishes;
    const auto        read = [&](const json * format, const char * name) {
        if (format != nullptr) {
            read_format(*format, name, wishes);
        }
    };
    read(given(body, "response_format", json::value_t::object, "an object"), "response_format");
    if (kind == request_kind::responses) {
        const json * text = given(body, "text");
        read(text != nullptr ? given(*text, "format") : nullptr, "text.format");
    }
    if (kind == request_kind::messages) {
        const json * config = given(body, "output_config");
        read(given(body, "output_format"), "output_format");
        read(config != nullptr ? given(*config, "format") : nullptr, "output_config.format");
    }
    return wishes;
}

/// Takes the schemas out of the body.
std::vector<wish> take_schemas(json & body, request_kind kind) {
    std::vector<wish> wishes = read_formats(body, kind);
    if (const json * schema = given(body, "json_schema")) {
        // A format without a schema says only that it is JSON.
        if (wishes.size() == 1 && wishes[0].is_any) {
            wishes.clear();
        }
        wishes.push_back({"json_schema", *schema, false});
    }
    body.erase("json_schema");
    body.erase("response_format");
    for (wish & w : wishes) {
        if (!w.schema.is_object()) {
            reject(w.name + ": expected a schema, which is an object, got " + w.schema.dump().substr(0, 100));
        }
        if (w.schema.empty()) {
            w.schema = object_schema();
        }
    }
    return wishes;
}

bool has_tools(const json & body) {
    const json * tools  = given(body, "tools");
    const json * choice = given(body, "tool_choice");
    return tools != nullptr && !tools->empty() && (choice == nullptr || *choice != "none");
}

void check_grammar(const std::string & grammar) {
    if (!is_lark(grammar)) {
        check_gbnf(grammar);
        return;
    }
#ifdef LLAMA_USE_LLGUIDANCE
    check_lark_limits(grammar);
#else
    reject("grammar: this build has no LLGuidance, which knows grammars that begin with %llguidance; write it in "
           "llama.cpp's GBNF");
#endif
}

/// A grammar that waits for a trigger.
void check_lazy(const json & body, request_kind kind, const std::string & grammar, const model_facts & model) {
    const json * triggers = given(body, "grammar_triggers", json::value_t::array, "a list");
    const json * lazy     = given(body, "grammar_lazy", json::value_t::boolean, "true or false");
    if (triggers == nullptr && (lazy == nullptr || *lazy == false)) {
        return;
    }
    if (kind != request_kind::completion) {
        reject("grammar_lazy: a chat has no grammar that waits for a trigger; ask for a completion");
    }
    if (grammar.empty() || is_lark(grammar)) {
        reject("grammar_lazy: only a grammar in llama.cpp's GBNF can wait for a trigger");
    }
    constexpr size_t most_triggers = 100;
    constexpr size_t most_word     = 1000;
    if (triggers == nullptr || triggers->empty() || triggers->size() > most_triggers) {
        reject("grammar_triggers: expected 1 to " + std::to_string(most_triggers) + " triggers for grammar_lazy");
    }
    for (const json & trigger : *triggers) {
        const json * type     = given(trigger, "type");
        const json * value    = given(trigger, "value");
        const json * token    = given(trigger, "token");
        const bool   is_token = type != nullptr && *type == 0 && token != nullptr && token->is_number_integer() &&
                                *token >= 0 && *token < model.n_vocab.load();
        const bool   is_word  = type != nullptr && *type == 1 && value != nullptr && value->is_string() &&
                                value->get_ref<const std::string &>().size() <= most_word;
        if (!is_token && !is_word) {
            reject("grammar_triggers: expected {\"type\": 1, \"value\": a word} or {\"type\": 0, \"value\": its text, "
                   "\"token\": its number}, got " +
                   trigger.dump().substr(0, 100));
        }
    }
}

#ifdef LLAMA_USE_LLGUIDANCE
std::string lark_of(json schema) {
    if (!schema.contains("x-guidance")) {
        // As much white space as in llama.cpp's own grammars. A small model would go on with it for ever.
        schema["x-guidance"] = {{"whitespace_pattern", R"( |\n{1,2}[ \t]{0,20})"}};
    }
    return "%llguidance {}\nstart: %json " + schema.dump(-1, ' ', false, json::error_handler_t::replace);
}
#endif

}  // namespace

std::string schema_grammar(const json & schema, const std::string & name, bool gbnf) {
#ifdef LLAMA_USE_LLGUIDANCE
    if (!gbnf) {
        check_schema_limits(schema, name, schema_target::llguidance);
        return lark_of(schema);
    }
#else
    (void) gbnf;
#endif
    check_schema_limits(schema, name, schema_target::gbnf);
    check_gbnf_expresses(schema, name);
    return gbnf_of(schema, name);
}

std::string gbnf_of(const json & schema, const std::string & name) {
    try {
        const std::string grammar =
            ::json_schema_to_grammar(common_json::parse(schema.dump()), /* force_gbnf = */ true);
        check_gbnf(grammar);
        return grammar;
    } catch (const std::exception & e) {
        reject(name + ": " + e.what());
    }
}

void prepare_structured_output(json & body, request_kind kind, const model_facts & model) {
    const json *      text    = given(body, "grammar", json::value_t::string, "a text");
    const std::string grammar = text != nullptr ? text->get<std::string>() : "";
    check_lazy(body, kind, grammar, model);
    std::vector<std::string> names;
    if (!grammar.empty()) {
        names.emplace_back("grammar");
    }
    const std::vector<wish> wishes = take_schemas(body, kind);
    for (const wish & w : wishes) {
        names.push_back(w.name);
    }
    if (names.size() > 1) {
        reject(names[0] + " and " + names[1] + ": a request can have one of them");
    }
    if (kind == request_kind::messages && !names.empty()) {
        reject(names[0] + ": llama.cpp passes no grammar on from this path; ask /v1/chat/completions");
    }
    if (!grammar.empty()) {
        check_grammar(grammar);
    }
    if (wishes.empty()) {
        return;
    }
    const json &        schema = wishes[0].schema;
    const std::string & name   = wishes[0].name;
    if (kind != request_kind::completion && (has_tools(body) || model.reasoning)) {
        check_schema_limits(schema, name, schema_target::gbnf);
        check_gbnf_expresses(schema, name);
        body["json_schema"] = schema;
    } else {
        body["grammar"] = schema_grammar(schema, name);
    }
}

}  // namespace xllamacpp
