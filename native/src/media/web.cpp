#include "media/web.h"

#include "xllamacpp/openssl.h"

#include <cpp-httplib/httplib.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace xllamacpp {

namespace {

struct web_address {
    std::string origin;  ///< "https://example.org:8443"
    std::string host;
    std::string path;

    bool is_https() const { return origin.rfind("https:", 0) == 0; }
};

[[noreturn]] void refuse_url(const std::string & url, const std::string & reason) {
    constexpr size_t shown = 200;
    throw std::invalid_argument("'" + url.substr(0, shown) + "': " + reason);
}

web_address split_url(const std::string & url) {
    const bool is_clean = std::all_of(url.begin(), url.end(), [](unsigned char c) { return c > ' ' && c < 0x7F; });
    size_t     begin    = url.find("://");
    if (!is_clean || begin == std::string::npos ||
        (url.substr(0, begin) != "http" && url.substr(0, begin) != "https")) {
        refuse_url(url, "is no address that can be fetched; it has to begin with http:// or https://, and to have "
                        "spaces and other such characters written as %20");
    }
    begin += 3;
    const size_t      end       = std::min(url.find_first_of("/?#", begin), url.size());
    const std::string authority = url.substr(begin, end - begin);
    const bool        is_ipv6   = authority.rfind('[', 0) == 0;
    const size_t      host_end  = std::min(is_ipv6 ? authority.find(']') : authority.find(':'), authority.size());
    web_address       address{url.substr(0, end), authority.substr(is_ipv6 ? 1 : 0, host_end - (is_ipv6 ? 1 : 0)), "/"};
    std::transform(address.host.begin(), address.host.end(), address.host.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string rest = authority.substr(std::min(host_end + (is_ipv6 ? 1 : 0), authority.size()));
    const bool        is_port =
        rest.empty() || (rest.size() > 1 && rest.size() <= 6 && rest[0] == ':' &&
                         std::all_of(rest.begin() + 1, rest.end(), [](unsigned char c) { return std::isdigit(c); }));
    const bool is_host = std::all_of(address.host.begin(), address.host.end(), [&](unsigned char c) {
        return std::isalnum(c) || c == '.' || c == '-' || c == '_' || (is_ipv6 && c == ':');
    });
    if (address.host.empty() || !is_host || !is_port) {
        refuse_url(url, "has no host that can be asked; a name or an address has to follow http://, and a port may, "
                        "but no user and no password");
    }
    if (end < url.size()) {
        const std::string path = url.substr(end, url.find('#', end) - end);
        address.path           = path.rfind('/', 0) == 0 ? path : "/" + path;
    }
    return address;
}

bool is_allowed(const std::string & host, const std::vector<std::string> & hosts) {
    return std::any_of(hosts.begin(), hosts.end(), [&](const std::string & allowed) {
        if (allowed == "*" || allowed == host) {
            return true;
        }
        const std::string ending = allowed.rfind("*.", 0) == 0 ? allowed.substr(1) : "";
        return !ending.empty() && host.size() > ending.size() &&
               host.compare(host.size() - ending.size(), ending.size(), ending) == 0;
    });
}

}  // namespace

std::vector<char> download(const std::string & url, const std::vector<std::string> & hosts,
                           const download_limits & limits) {
    using namespace std::chrono;
    constexpr int most_answers = 4;
    const auto    deadline     = steady_clock::now() + limits.time;
    std::string   next         = url;
    for (int answers = 0; answers < most_answers; ++answers) {
        const web_address address = split_url(next);
        if (!is_allowed(address.host, hosts)) {
            refuse_url(next, "the server may not fetch anything from " + address.host +
                                 "; send the content itself (data:image/png;base64,...), or let the environment "
                                 "variable XLLAMACPP_MEDIA_HOSTS of the server name the host");
        }
        const auto left = duration_cast<milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0) {
            refuse_url(url, "took longer than " + std::to_string(limits.time.count()) + " seconds");
        }
        if (const std::string problem = openssl_problem(); address.is_https() && !problem.empty()) {
            refuse_url(next, "cannot be fetched: " + problem);
        }
        httplib::Client client(address.origin);
        client.set_follow_location(false);
        client.set_connection_timeout(left);
        client.set_read_timeout(left);
        client.set_max_timeout(left);
        std::vector<char> content;
        bool              is_too_large = false;
        const auto        answer       = client.Get(address.path, [&](const char * data, size_t size) {
            is_too_large = content.size() + size > limits.bytes;
            if (!is_too_large) {
                content.insert(content.end(), data, data + size);
            }
            return !is_too_large && !limits.should_stop();
        });
        if (is_too_large) {
            refuse_url(url, "is larger than the " + std::to_string(limits.bytes / 1048576) + " MB that are fetched");
        }
        if (!answer) {
            const bool is_late = steady_clock::now() >= deadline;
            refuse_url(next, is_late ? "took longer than " + std::to_string(limits.time.count()) + " seconds"
                                     : "could not be fetched: " + httplib::to_string(answer.error()));
        }
        if (answer->status / 100 == 2) {
            return content;
        }
        const std::string location = answer->get_header_value("Location");
        if (answer->status / 100 != 3 || location.empty()) {
            refuse_url(next, "could not be fetched: the answer is " + std::to_string(answer->status));
        }
        next = location.rfind('/', 0) == 0 && location.rfind("//", 0) != 0 ? address.origin + location : location;
    }
    refuse_url(url, "leads from one address to the next, more than " + std::to_string(most_answers) + " times");
}

}  // namespace xllamacpp
