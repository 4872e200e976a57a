#include "requests/response_events.h"

#include <nlohmann/json.hpp>
#include <string_view>

namespace xllamacpp {

namespace {

using nlohmann::ordered_json;

constexpr std::string_view end_of_event = "\n\n";
constexpr std::string_view data_field   = "data: ";

bool begins_with(const std::string & text, std::string_view beginning) { return text.rfind(beginning, 0) == 0; }

/// llama.cpp's items have one part each.
bool is_about_content(const std::string & type) {
    return begins_with(type, "response.output_text.") || begins_with(type, "response.content_part.") ||
           begins_with(type, "response.reasoning_text.");
}

}  // namespace

int response_events::place_of(const std::string & item) {
    return places_.emplace(item, static_cast<int>(places_.size())).first->second;
}

std::string response_events::completed(const std::string & data) {
    ordered_json event = ordered_json::parse(data, nullptr, /* allow_exceptions = */ false);
    if (!event.is_object() || !event.contains("type") || !event.at("type").is_string()) {
        return data;
    }
    const std::string type   = event.at("type");
    event["sequence_number"] = next_number_++;
    if (event.contains("item")) {
        event["output_index"] = place_of(event.at("item").at("id"));
    } else if (event.contains("item_id")) {
        event["output_index"] = place_of(event.at("item_id"));
    }
    if (is_about_content(type)) {
        event["content_index"] = 0;
    }
    if (begins_with(type, "response.output_text.")) {
        event["logprobs"] = ordered_json::array();
    }
    if (event.contains("response") && !event.at("response").contains("output")) {
        event["response"]["output"] = ordered_json::array();
    }
    return event.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string response_events::complete(const std::string & chunk) {
    std::string whole;
    for (size_t begin = 0; begin < chunk.size();) {
        const size_t found = chunk.find(end_of_event, begin);
        const size_t end   = found == std::string::npos ? chunk.size() : found + end_of_event.size();
        std::string  event = chunk.substr(begin, end - begin);
        const size_t data  = begins_with(event, data_field) ? 0 : event.find("\n" + std::string(data_field));
        if (found != std::string::npos && data != std::string::npos) {
            const size_t text = event.find(data_field, data) + data_field.size();
            const size_t size = event.size() - end_of_event.size() - text;
            event.replace(text, size, completed(event.substr(text, size)));
        }
        whole += event;
        begin = end;
    }
    return whole;
}

}  // namespace xllamacpp
