#include "request_body.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace xllamacpp {

namespace {

using nlohmann::json;

json parsed(const std::string & body) { return json::parse(body, nullptr, /* allow_exceptions = */ false); }

}  // namespace

void check_depth(const std::string & body) {
    // JSON Schemas, the deepest of what is sent for a reason, have dozens.
    constexpr int most      = 256;
    int           depth     = 0;
    bool          is_text   = false;
    bool          is_escape = false;
    for (const char c : body) {
        if (is_escape) {
            is_escape = false;
        } else if (is_text) {
            is_escape = c == '\\';
            is_text   = c != '"';
        } else if (c == '"') {
            is_text = true;
        } else if (c == '[' || c == '{') {
            if (++depth > most) {
                throw std::invalid_argument("the body is nested too deeply: send no more than " + std::to_string(most) +
                                            " arrays and objects in each other");
            }
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
}

void check_tokens(const std::string & body, const std::string & field, int n_vocab) {
    const json request = parsed(body);
    if (!request.is_object() || !request.contains(field) || !request.at(field).is_array()) {
        return;
    }
    for (const json & token : request.at(field)) {
        if (token.is_number() && !(token >= 0 && token < n_vocab)) {
            throw std::invalid_argument(field + ": " + token.dump() + " is no token: this model's are 0 to " +
                                        std::to_string(n_vocab - 1));
        }
    }
}

void check_ranking(const std::string & body) {
    const json request = parsed(body);
    if (request.is_object() && request.contains("top_n") && request.at("top_n").is_number() &&
        request.at("top_n") < 0) {
        throw std::invalid_argument("top_n: " + request.at("top_n").dump() +
                                    " is below 0; leave it out to get all documents");
    }
}

}  // namespace xllamacpp
