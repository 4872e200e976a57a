// Images and sounds from the web, for servers that were told from where they may fetch them.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace xllamacpp {

struct download_limits {
    size_t                bytes;
    std::chrono::seconds  time;  ///< For all of it, from the connection to the last byte.
    std::function<bool()> should_stop;
};

/// Fetches what stands at an http:// or https:// address. `hosts` are those that may be asked: names,
/// "*.example.org", or "*" for any; where one answers with another address, that one's host has to be among them too.
///
/// Throws std::invalid_argument where that is not allowed, not possible or too much.
std::vector<char> download(const std::string & url, const std::vector<std::string> & hosts,
                           const download_limits & limits);

}  // namespace xllamacpp
