// Whose fault an error is: llama.cpp answers much that is wrong with a request as if the server had failed. Clients
// repeat what says so, and whoever runs the server is called.
#pragma once

#include "server-http.h"

#include <exception>
#include <string>

namespace xllamacpp {

/// What to say to whoever asked for `path`, where an exception out of a handler, which reads the request and then waits
/// for the model, means that something is wrong with the request; else "".
std::string request_fault(const std::exception & error, const std::string & path);

/// Gives an answer of llama.cpp's the status of a bad request where it says what is wrong with the request.
void mend_status(server_http_res & response, const std::string & path);

}  // namespace xllamacpp
