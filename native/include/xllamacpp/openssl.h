// OpenSSL, which HTTPS takes and nothing else does. On Linux it is the system's, and looked for when a library of ours
// is loaded, so that all the rest works where there is none.
#pragma once

#include <string>

namespace xllamacpp {

/// Why HTTPS cannot be spoken here, and what helps; empty where it can.
std::string openssl_problem();

}  // namespace xllamacpp
