#include "requests/faults.h"

#include "server-common.h"

#include <stdexcept>
#include <system_error>

namespace xllamacpp {

namespace {

bool has(const std::string & text, const char * part) { return text.find(part) != std::string::npos; }

}  // namespace

bool is_requests_fault(const std::exception & error) {
    if (dynamic_cast<const std::system_error *>(&error) != nullptr) {
        return false;
    }
    // Without a projector there is no image to see, whatever the request says. (Its own tests want this status.)
    if (has(error.what(), "input is not supported - hint")) {
        return false;
    }
    // The body is no JSON, or a field has another type, or a number nothing: at(), stoi() and the like.
    return dynamic_cast<const std::runtime_error *>(&error) != nullptr ||
           dynamic_cast<const std::logic_error *>(&error) != nullptr;
}

void mend_status(server_http_res & response) {
    // What does not fit into one batch is only noticed when the model is about to read it.
    if (response.status == 500 && !response.is_stream() && has(response.data, "is too large to process")) {
        json answer             = json::parse(response.data);
        answer["error"]["code"] = 400;
        answer["error"]["type"] = "invalid_request_error";
        response.status         = 400;
        response.data           = safe_json_to_str(answer);
    }
}

}  // namespace xllamacpp
