// How many CPUs are there for this process.
#pragma once

#include <filesystem>

namespace xllamacpp {

/// The CPUs that this process may run on (a container's cpuset, taskset), which may be fewer than the machine has.
int allowed_cpus();

/// The CPU time that this process's control groups and those above them leave it (`docker run --cpus`), in whole CPUs:
/// rounded down, at least 1; 0 where there is no limit. `root` is where /proc and /sys are looked for.
int cpu_quota(const std::filesystem::path & root = "/");

}  // namespace xllamacpp
