// Whose fault an error is: llama.cpp answers much that is wrong with a request as if the server had failed.
#pragma once

#include "server-http.h"

#include <exception>

namespace xllamacpp {

/// Whether an exception out of a handler, which reads the request and then waits for the model, says that something is
/// wrong with the request.
bool is_requests_fault(const std::exception & error);

/// Gives an answer of llama.cpp's the status of a bad request where it says what is wrong with the request.
void mend_status(server_http_res & response);

}  // namespace xllamacpp
