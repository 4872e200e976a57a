#include "requests/tokens.h"

#include "requests/values.h"

#include <cstdint>

namespace xllamacpp {

void check_token(const json & value, const std::string & path, int n_vocab) {
    const int64_t last  = n_vocab > 0 ? n_vocab - 1 : INT32_MAX;
    const json    token = as_whole(value);
    if (!token.is_number_integer() || token < 0 || token > last) {
        refuse(path, value, "a token, a whole number from 0 to " + std::to_string(last));
    }
}

void check_tokens(const json & value, const std::string & path, int n_vocab) {
    if (!value.is_structured()) {
        return;
    }
    for (const auto & item : value.items()) {
        const std::string inside = path + "." + item.key();
        if (value.is_array() && item.value().is_number()) {
            check_token(item.value(), inside, n_vocab);
        }
        check_tokens(item.value(), inside, n_vocab);
    }
}

void check_tokens_in(const std::string & body, std::initializer_list<const char *> fields, int n_vocab) {
    const json request = json::parse(body, nullptr, /* allow_exceptions = */ false);
    for (const char * field : fields) {
        if (request.is_object() && request.contains(field)) {
            check_tokens(request[field], field, n_vocab);
        }
    }
}

}  // namespace xllamacpp
