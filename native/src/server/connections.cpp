#include "server/connections.h"

#include <algorithm>
#include <cstdlib>

#ifndef _WIN32
#    include <filesystem>
#    include <netinet/in.h>
#    include <sys/socket.h>
#    include <sys/un.h>
#endif

namespace xllamacpp {

namespace {

int to_number(const std::string & text) { return static_cast<int>(std::strtol(text.c_str(), nullptr, 10)); }

}  // namespace

connections::connections(const std::vector<std::string> & addresses) {
    const std::string path_scheme = "unix://";
    for (const std::string & address : addresses) {
        if (address.rfind(path_scheme, 0) == 0) {
            paths_.push_back(address.substr(path_scheme.size()));
        } else {
            ports_.push_back(to_number(address.substr(address.rfind(':') + 1)));
        }
    }
}

size_t connections::count() const { return find().size(); }

#ifdef _WIN32

// Nothing there lists a process's sockets. Stopping takes as long as llama.cpp's server makes it.
bool             connections::has(int) const { return false; }
std::vector<int> connections::find() const { return {}; }
void             connections::stop_reading() const {}
void             connections::hang_up() const {}

#else

bool connections::has(int descriptor) const {
    union {
        sockaddr         any;
        sockaddr_in      v4;
        sockaddr_in6     v6;
        sockaddr_un      local;
        sockaddr_storage room;
    } address{};
    socklen_t size = sizeof(address);
    if (getsockname(descriptor, &address.any, &size) != 0) {
        return false;
    }
    int       is_listening = 0;
    socklen_t flag_size    = sizeof(is_listening);
    getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &flag_size);
    if (is_listening != 0) {
        return false;
    }
    if (address.any.sa_family == AF_UNIX) {
        return std::find(paths_.begin(), paths_.end(), address.local.sun_path) != paths_.end();
    }
    const bool is_v4 = address.any.sa_family == AF_INET;
    if (!is_v4 && address.any.sa_family != AF_INET6) {
        return false;
    }
    const int port = ntohs(is_v4 ? address.v4.sin_port : address.v6.sin6_port);
    return std::find(ports_.begin(), ports_.end(), port) != ports_.end();
}

std::vector<int> connections::find() const {
    std::vector<int> found;
    std::error_code  ignored;
    for (std::filesystem::directory_iterator entry("/dev/fd", ignored), end; entry != end; entry.increment(ignored)) {
        const int descriptor = to_number(entry->path().filename().string());
        if (has(descriptor)) {
            found.push_back(descriptor);
        }
    }
    return found;
}

void connections::stop_reading() const {
    for (const int descriptor : find()) {
        shutdown(descriptor, SHUT_RD);
    }
}

void connections::hang_up() const {
    for (const int descriptor : find()) {
        shutdown(descriptor, SHUT_RDWR);
    }
}

#endif

}  // namespace xllamacpp
