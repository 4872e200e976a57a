// How many CPUs are there for this process.
#pragma once

#include <filesystem>
#include <optional>

namespace xllamacpp {

/// The CPUs that this process may run on (a container's cpuset, taskset), which may be fewer than the machine has.
int allowed_cpus();

/// The CPU time that this process's control groups and those above them leave it (`docker run --cpus`), in CPUs such
/// as 1.5; nothing where there is no limit. `root` is where /proc and /sys are looked for.
std::optional<double> cpu_limit(const std::filesystem::path & root = "/");

/// The most threads that compute: one for each CPU that is allowed and that there is time for, at least 1.
int usable_cpus(const std::filesystem::path & root = "/");

}  // namespace xllamacpp
