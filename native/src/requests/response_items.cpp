#include "requests/response_items.h"

#include <nlohmann/json.hpp>

namespace xllamacpp {

namespace {

using json = nlohmann::ordered_json;

bool is_untyped_answer(const json & item) {
    return item.is_object() && !item.contains("type") && item.contains("role") && item.at("role") == "assistant" &&
           item.contains("content");
}

}  // namespace

std::string mend_response_items(const std::string & text) {
    json body = json::parse(text, nullptr, /* allow_exceptions = */ false);
    if (!body.is_object() || !body.contains("input") || !body["input"].is_array()) {
        return text;
    }
    bool is_changed = false;
    for (json & item : body["input"]) {
        if (is_untyped_answer(item)) {
            item["type"] = "message";
            is_changed   = true;
        }
    }
    return is_changed ? body.dump(-1, ' ', false, json::error_handler_t::replace) : text;
}

}  // namespace xllamacpp
