#include "requests/client_errors.h"

#include <stdexcept>
#include <string>

namespace xllamacpp {

namespace {

struct known_error {
    const char * start;
    const char * advice;
};

const known_error known_errors[] = {
    {"image input is not supported", ""},
    {"audio input is not supported", ""},
    {"video input is not supported", ""},
    {"Multimodal data provided, but model does not support multimodal requests", ""},
    {"Invalid base64 value", ""},
    {"\"prompt\" must not be empty", ""},
    {"\"prompt\" elements must be", ""},
    {"for mtmd, input prompt must be a string", ""},
    {"input (", "; set n_ubatch and n_batch to as many tokens, or send a shorter text"},
};

/// What to say in place of the message, or "" where it is none of these.
std::string advised(const std::string & message) {
    for (const known_error & known : known_errors) {
        if (message.rfind(known.start, 0) == 0) {
            return message + known.advice;
        }
    }
    return "";
}

}  // namespace

handler with_client_errors(const handler & handle) {
    return [handle](const server_http_req & request) -> server_http_res_ptr {
        server_http_res_ptr response;
        try {
            response = handle(request);
        } catch (const std::runtime_error & e) {
            if (const std::string message = advised(e.what()); !message.empty()) {
                throw std::invalid_argument(message);
            }
            throw;
        }
        if (response->status == 500 && !response->is_stream()) {
            const json        page    = json::parse_no_throw(response->data);
            const bool        is_said = page.is_object() && page.contains("error");
            const std::string said    = is_said ? json_value(page.at("error"), "message", std::string()) : "";
            if (const std::string message = advised(said); !message.empty()) {
                return error_response(message, ERROR_TYPE_INVALID_REQUEST);
            }
        }
        return response;
    };
}

}  // namespace xllamacpp
