#include "requests/faults.h"

#include "server-common.h"

#include <stdexcept>
#include <system_error>

namespace xllamacpp {

namespace {

struct known_fault {
    const char * start;
    const char * advice = "";
};

/// Of what is only noticed when the model is about to read it.
const known_fault known_faults[] = {
    {"image input is not supported"},
    {"audio input is not supported"},
    {"video input is not supported"},
    {"Multimodal data provided, but model does not support multimodal requests"},
    {"Invalid base64 value"},
    {"\"prompt\" must not be empty"},
    {"\"prompt\" elements must be"},
    {"for mtmd, input prompt must be a string"},
    {"input (", "; set n_ubatch and n_batch to as many tokens, or send a shorter text"},
};

/// Of what the model wrote.
const char * const models_fault = "The model produced output that does not match the expected";

const known_fault * find_known(const std::string & message) {
    for (const known_fault & known : known_faults) {
        if (message.rfind(known.start, 0) == 0) {
            return &known;
        }
    }
    return nullptr;
}

/// Whether llama.cpp's own tests want this error to have the status that it has.
bool is_kept(const std::string & message, const std::string & path) {
    return path == "/v1/messages" && message.find("input is not supported - hint") != std::string::npos;
}

bool is_requests(const std::exception & error) {
    if (dynamic_cast<const std::system_error *>(&error) != nullptr) {
        return false;
    }
    // The body is no JSON, or a field has another type, or a number nothing: at(), stoi() and the like.
    return dynamic_cast<const std::runtime_error *>(&error) != nullptr ||
           dynamic_cast<const std::logic_error *>(&error) != nullptr;
}

}  // namespace

std::string request_fault(const std::exception & error, const std::string & path) {
    const std::string message = error.what();
    if (!is_requests(error) || is_kept(message, path) || message.rfind(models_fault, 0) == 0) {
        return "";
    }
    const known_fault * const known = find_known(message);
    return known ? message + known->advice : message;
}

void mend_status(server_http_res & response, const std::string & path) {
    if (response.status != 500 || response.is_stream()) {
        return;
    }
    json answer = json::parse_no_throw(response.data);
    if (!answer.is_object() || !answer.contains("error")) {
        return;
    }
    const std::string         message = json_value(answer.at("error"), "message", std::string());
    const known_fault * const known   = find_known(message);
    if (known && !is_kept(message, path)) {
        response.status = 400;
        response.data   = safe_json_to_str(
            json{{"error", format_error_response(message + known->advice, ERROR_TYPE_INVALID_REQUEST)}});
    }
}

}  // namespace xllamacpp
