#include "requests/body.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace xllamacpp {

namespace {

using nlohmann::json;

json parsed(const std::string & body) { return json::parse(body, nullptr, /* allow_exceptions = */ false); }

}  // namespace

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

}  // namespace xllamacpp
