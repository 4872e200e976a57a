// Errors that llama.cpp calls its own, and that are the caller's to mend.
#pragma once

#include "server/request_gate.h"

namespace xllamacpp {

/// A handler whose errors say 400 where another request would have been answered. Clients repeat what says 500, and
/// whoever runs the server is called.
handler with_client_errors(const handler & handle);

}  // namespace xllamacpp
