#include "grammars/tool_calls.h"

#include "requests/json_limits.h"
#include "grammars/schema_limits.h"
#include "grammars/schema_walk.h"

#include <set>
#include <stdexcept>

namespace xllamacpp {

namespace {

constexpr size_t most_tools = 128;
constexpr size_t most_name  = 128;

[[noreturn]] void reject(const std::string & problem) { throw std::invalid_argument(problem); }

std::string shortened(const json & value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 100);
}

const json * given(const json & object, const char * name) {
    const json * value = member_of(object, name);
    return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_of(const json & object, const char * name) {
    const json * value = given(object, name);
    return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

/// What the paths call the same things.
struct shape {
    const char * function;    // where a tool's function is; null where it is the tool
    const char * parameters;  // its schema
    const char * named;       // the type of a choice that names a tool
};

shape shape_of(request_kind kind) {
    switch (kind) {
        case request_kind::responses: return {nullptr, "parameters", "function"};
        case request_kind::messages:  return {nullptr, "input_schema", "tool"};
        default:                      return {"function", "parameters", "function"};
    }
}

class tools_of_request {
  public:
    tools_of_request(json & body, request_kind kind, const model_facts & model)
        : body_(body), kind_(kind), shape_(shape_of(kind)), model_(model) {}

    void prepare() {
        const json * tools = given(body_, "tools");
        if (tools != nullptr && !tools->is_array()) {
            reject("tools: expected a list, got " + shortened(*tools));
        }
        const size_t count = tools != nullptr ? tools->size() : 0;
        if (count > most_tools) {
            reject("tools: has " + std::to_string(count) + " tools; at most " + std::to_string(most_tools));
        }
        for (size_t i = 0; i < count; ++i) {
            check_tool((*tools)[i], "tools[" + std::to_string(i) + "]");
        }
        choose();
        check_parallel();
    }

  private:
    void check_tool(const json & tool, const std::string & path) {
        if (!tool.is_object()) {
            reject(path + ": expected an object, got " + shortened(tool));
        }
        if (kind_ != request_kind::chat && !is_function(tool)) {
            return;  // One of those that a provider runs itself; llama.cpp has none of them.
        }
        const json * function = shape_.function != nullptr ? given(tool, shape_.function) : &tool;
        if (kind_ == request_kind::chat && (text_of(tool, "type") != "function" || function == nullptr)) {
            reject(path + ": expected {\"type\": \"function\", \"function\": {\"name\": ...}}, got " + shortened(tool));
        }
        const std::string name = text_of(*function, "name");
        if (name.empty() || name.size() > most_name) {
            reject(path + ": its name must be a text of 1 to " + std::to_string(most_name) + " characters");
        }
        if (!names_.insert(name).second) {
            reject(path + ": there is another tool that is named " + name);
        }
        if (const json * schema = given(*function, shape_.parameters)) {
            check_parameters(*schema, path + " (" + name + "): " + shape_.parameters);
        }
    }

    bool is_function(const json & tool) const {
        const std::string type = text_of(tool, "type");
        return kind_ == request_kind::messages ? type.empty() || type == "custom" : type == "function";
    }

    static void check_parameters(const json & schema, const std::string & name) {
        if (!schema.is_object()) {
            reject(name + ": expected a schema, which is an object, got " + shortened(schema));
        }
        check_schema_limits(schema, name, schema_target::gbnf);
        gbnf_of(schema, name);
    }

    void choose() {
        const json * choice = given(body_, "tool_choice");
        if (choice == nullptr) {
            return;
        }
        const bool        is_messages = kind_ == request_kind::messages;
        const std::string word        = choice->is_string() && !is_messages ? choice->get<std::string>() : "";
        const std::string type        = choice->is_object() ? text_of(*choice, "type") : "";
        const std::string required    = is_messages ? "any" : "required";
        if (type == shape_.named) {
            const json * inner = shape_.function != nullptr ? given(*choice, shape_.function) : choice;
            require();
            keep(inner != nullptr ? text_of(*inner, "name") : "");
        } else if ((is_messages ? type : word) == required) {
            require();
        } else if (is_messages && type == "none") {
            body_.erase("tools");
            body_.erase("tool_choice");
        } else if (is_messages ? type != "auto" : word != "auto" && word != "none") {
            reject("tool_choice: there is no choice " + shortened(*choice) + "; expected " +
                   (is_messages ? "{\"type\": \"auto\", \"any\", \"none\" or \"tool\"}" : "auto, none, required") +
                   " or a named tool");
        }
    }

    void require() const {
        if (names_.empty()) {
            reject("tool_choice: requires a call, and there are no tools");
        }
        if (!model_.tool_calls) {
            reject("tool_choice: requires a call, and the model's chat template has no way to call tools; give the "
                   "server another one (chat_template, or --chat-template-file)");
        }
    }

    void keep(const std::string & name) {
        json kept = json::array();
        for (const json & tool : body_.at("tools")) {
            const json * function = shape_.function != nullptr ? given(tool, shape_.function) : &tool;
            if (names_.count(name) > 0 && text_of(*function, "name") == name) {
                kept.push_back(tool);
            }
        }
        if (kept.empty()) {
            reject("tool_choice: there is no tool that is named \"" + name.substr(0, most_name) + "\"");
        }
        body_["tools"] = std::move(kept);
        if (kind_ != request_kind::messages) {
            body_["tool_choice"] = "required";
        }
    }

    void check_parallel() const {
        const json * parallel = given(body_, "parallel_tool_calls");
        if (parallel != nullptr && !parallel->is_boolean()) {
            reject("parallel_tool_calls: expected true or false, got " + shortened(*parallel));
        }
        const json * choice = kind_ == request_kind::messages ? given(body_, "tool_choice") : nullptr;
        const json * alone  = choice != nullptr ? given(*choice, "disable_parallel_tool_use") : nullptr;
        if (alone != nullptr && *alone == true && model_.parallel_calls) {
            reject("tool_choice: llama.cpp does not pass disable_parallel_tool_use on; ask /v1/chat/completions, with "
                   "parallel_tool_calls");
        }
    }

    json &                body_;
    const request_kind    kind_;
    const shape           shape_;
    const model_facts &   model_;
    std::set<std::string> names_;
};

/// llama.cpp parses the arguments of earlier calls, which are JSON in a text.
void check_earlier_calls(const json & body, request_kind kind) {
    const auto check = [](const json & call) {
        const std::string arguments = text_of(call, "arguments");
        if (!arguments.empty()) {
            check_json_limits(arguments, "the arguments of a tool call");
        }
    };
    const json * messages = given(body, kind == request_kind::responses ? "input" : "messages");
    if (messages == nullptr || !messages->is_array()) {
        return;
    }
    for (const json & message : *messages) {
        check(message);
        const json * calls = given(message, "tool_calls");
        if (calls != nullptr && calls->is_array()) {
            for (const json & call : *calls) {
                const json * function = given(call, "function");
                check(function != nullptr ? *function : call);
            }
        }
    }
}

}  // namespace

void prepare_tool_calls(json & body, request_kind kind, const model_facts & model) {
    tools_of_request(body, kind, model).prepare();
    check_earlier_calls(body, kind);
}

}  // namespace xllamacpp
