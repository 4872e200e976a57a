#include "xllamacpp/cpus.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#    include <sched.h>
#endif

namespace xllamacpp {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string & text, char separator) {
    std::vector<std::string> parts;
    std::istringstream       stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

bool contains(const std::vector<std::string> & parts, const std::string & part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
}

std::vector<std::string> read_lines(const fs::path & file) {
    std::vector<std::string> lines;
    std::ifstream            stream(file);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

/// A hierarchy of control groups that can limit CPU time.
struct hierarchy {
    bool        is_v2;
    std::string mounted_group;  ///< The group that its mount point shows; a container may see its own one only.
    std::string mount_point;
};

/// Lines of /proc/self/mountinfo: "36 35 0:29 /group /mount/point options [tags] - type source options"
std::vector<hierarchy> find_hierarchies(const fs::path & root) {
    std::vector<hierarchy> found;
    for (const std::string & line : read_lines(root / "proc/self/mountinfo")) {
        const std::vector<std::string> fields    = split(line, ' ');
        const auto                     separator = std::find(fields.begin(), fields.end(), "-");
        if (fields.end() - separator < 4 || separator - fields.begin() < 5) {
            continue;
        }
        const bool is_v2 = separator[1] == "cgroup2";
        if (is_v2 || (separator[1] == "cgroup" && contains(split(separator[3], ','), "cpu"))) {
            found.push_back({is_v2, fields[3], fields[4]});
        }
    }
    return found;
}

/// The group of this process in a hierarchy. Lines of /proc/self/cgroup: "4:cpu,cpuacct:/group", "0::/group" for v2.
std::optional<std::string> find_group(const hierarchy & in, const fs::path & root) {
    for (const std::string & line : read_lines(root / "proc/self/cgroup")) {
        const size_t first  = line.find(':');
        const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) {
            continue;
        }
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (in.is_v2 ? controllers.empty() : contains(split(controllers, ','), "cpu")) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

/// The limit that one group's own files set, in CPUs.
std::optional<double> read_limit(const fs::path & group, bool is_v2) {
    std::string quota;
    double      period = 0;
    if (is_v2) {
        std::ifstream(group / "cpu.max") >> quota >> period;
    } else {
        std::ifstream(group / "cpu.cfs_quota_us") >> quota;
        std::ifstream(group / "cpu.cfs_period_us") >> period;
    }
    // "max" and -1 are no limit.
    const long long quota_us = std::strtoll(quota.c_str(), nullptr, 10);
    if (quota_us <= 0 || period <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(quota_us) / period;
}

/// The lowest limit of a group and those above it, as far up as the mount shows them.
std::optional<double> lowest_limit(const hierarchy & in, const std::string & group, const fs::path & root) {
    fs::path              here   = root / fs::path(in.mount_point).relative_path();
    std::optional<double> lowest = read_limit(here, in.is_v2);
    for (const fs::path & part : fs::path(group).lexically_relative(in.mounted_group)) {
        if (part == "..") {
            // The name is the host's; what the mount shows is the group itself.
            break;
        }
        here /= part;
        const std::optional<double> limit = read_limit(here, in.is_v2);
        if (limit && (!lowest || *limit < *lowest)) {
            lowest = limit;
        }
    }
    return lowest;
}

}  // namespace

int allowed_cpus() {
    // std::thread::hardware_concurrency counts the machine's in most versions of glibc.
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        return std::max(1, CPU_COUNT(&allowed));
    }
#endif
    return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::optional<double> cpu_limit(const fs::path & root) {
    std::optional<double> lowest;
    for (const hierarchy & each : find_hierarchies(root)) {
        const std::optional<std::string> group = find_group(each, root);
        const std::optional<double>      limit = group ? lowest_limit(each, *group, root) : std::nullopt;
        if (limit && (!lowest || *limit < *lowest)) {
            lowest = limit;
        }
    }
    return lowest;
}

int usable_cpus(const fs::path & root) {
    const double allowed = allowed_cpus();
    return std::max(1, static_cast<int>(std::min(allowed, cpu_limit(root).value_or(allowed))));
}

}  // namespace xllamacpp
