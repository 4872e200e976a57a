#include "grammars/constraints.h"

#include "grammars/tool_calls.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace xllamacpp {

namespace {

const char * const looked_at[] = {
    "grammar",    "grammar_lazy",  "grammar_triggers",    "json_schema", "response_format",
    "text",       "output_format", "output_config",       "tools",       "tool_choice",
    "tool_calls", "arguments",     "parallel_tool_calls",
};

// llama.cpp hands them from one of its stages to the next, and believes what they say.
const char * const internal[] = {"chat_parser", "chat_format"};

/// Most requests have none of them, and need not be parsed twice.
template <size_t count> bool mentions(const std::string & body, const char * const (&names)[count]) {
    return std::any_of(std::begin(names), std::end(names), [&](const char * name) {
        return body.find("\"" + std::string(name) + "\"") != std::string::npos;
    });
}

}  // namespace

std::string prepare_constraints(const std::string & text, request_kind kind, const model_facts & model) {
    // A name may be spelt with escapes.
    if (!mentions(text, looked_at) && !mentions(text, internal) && text.find("\\u") == std::string::npos) {
        return text;
    }
    json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (!body.is_object()) {
        return text;  // llama.cpp says what is wrong with it.
    }
    for (const char * name : internal) {
        if (body.contains(name)) {
            throw std::invalid_argument(std::string(name) + " is llama.cpp's own and not taken in a request");
        }
    }
    if (kind != request_kind::completion) {
        prepare_tool_calls(body, kind, model);
    }
    prepare_structured_output(body, kind, model);
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace xllamacpp
