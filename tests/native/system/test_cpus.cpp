// How many CPUs a process has, read from the files of control groups as systems and container engines lay them out.
#include "xllamacpp/cpus.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

using namespace xllamacpp;

namespace {

class CpuLimit : public testing::Test {
  protected:
    void SetUp() override { root_ = testing::TempDir() + "cpu_limit_" + std::to_string(getpid()); }
    void TearDown() override { std::filesystem::remove_all(root_); }

    /// Writes files, by their path from the root, and reads the limit; -1 where there is none.
    double of(const std::map<std::string, std::string> & files) const {
        std::filesystem::remove_all(root_);
        for (const auto & [name, text] : files) {
            const std::filesystem::path path = root_ / name;
            std::filesystem::create_directories(path.parent_path());
            std::ofstream(path) << text;
        }
        return cpu_limit(root_).value_or(-1);
    }

    std::filesystem::path root_;
};

const char * const v2_mount = "30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n";
const char * const v1_mount = "32 24 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
                              "33 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n";

TEST_F(CpuLimit, OfAContainerOnV2IsThatOfTheGroupItSees) {
    const auto with = [&](const std::string & limit) {
        return of(
            {{"proc/self/mountinfo", v2_mount}, {"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", limit}});
    };
    EXPECT_EQ(with("200000 100000\n"), 2);
    EXPECT_EQ(with("350000 100000\n"), 3.5);
    EXPECT_EQ(with("50000 100000\n"), 0.5);
    EXPECT_EQ(with("max 100000\n"), -1);
    EXPECT_EQ(with("nonsense\n"), -1);
    EXPECT_EQ(with(""), -1);
}

TEST_F(CpuLimit, OnV2IsTheLowestOfTheGroupsAbove) {
    std::map<std::string, std::string> files = {
        {"proc/self/mountinfo", v2_mount},
        {"proc/self/cgroup", "0::/machine.slice/docker:a.scope/inner\n"},
        {"sys/fs/cgroup/machine.slice/cpu.max", "400000 100000"},
        {"sys/fs/cgroup/machine.slice/docker:a.scope/cpu.max", "300000 100000"},
        {"sys/fs/cgroup/machine.slice/docker:a.scope/inner/cpu.max", "max 100000"},
        {"sys/fs/cgroup/other.slice/cpu.max", "100000 100000"},
    };
    EXPECT_EQ(of(files), 3);
    files["sys/fs/cgroup/machine.slice/cpu.max"] = "200000 100000";
    EXPECT_EQ(of(files), 2);
}

TEST_F(CpuLimit, OnV1IsThatOfTheCpuControllerOnly) {
    std::map<std::string, std::string> files = {
        {"proc/self/mountinfo", v1_mount},
        {"proc/self/cgroup", "5:memory:/elsewhere\n4:cpu,cpuacct:/jobs/one\n"},
        {"sys/fs/cgroup/memory/jobs/one/cpu.cfs_quota_us", "100000"},
        {"sys/fs/cgroup/memory/jobs/one/cpu.cfs_period_us", "100000"},
        {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"},
        {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"},
        {"sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_quota_us", "150000"},
        {"sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_period_us", "50000"},
    };
    EXPECT_EQ(of(files), 3);
    files["sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_quota_us"] = "-1";
    EXPECT_EQ(of(files), -1);
}

TEST_F(CpuLimit, OnV1IsFoundWhereAContainerSeesItsOwnGroupUnderTheHostsName) {
    const std::string mount = "33 24 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
    const std::map<std::string, std::string> limit = {
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000"},
        {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"},
        {"sys/fs/system.slice/docker-abc.scope/cpu.cfs_quota_us", "100000"},
        {"sys/fs/system.slice/docker-abc.scope/cpu.cfs_period_us", "100000"}};
    for (const std::string group : {"/docker/abc", "/system.slice/docker-abc.scope"}) {
        std::map<std::string, std::string> files = limit;
        files["proc/self/mountinfo"]             = mount;
        files["proc/self/cgroup"]                = "1:cpu:" + group + "\n";
        EXPECT_EQ(of(files), 2) << group;
    }
}

TEST_F(CpuLimit, OfAMachineWithBothIsTheLower) {
    std::map<std::string, std::string> files = {
        {"proc/self/mountinfo", std::string(v1_mount) + v2_mount},
        {"proc/self/cgroup", "4:cpu,cpuacct:/\n0::/\n"},
        {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "500000"},
        {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"},
        {"sys/fs/cgroup/cpu.max", "400000 100000"},
    };
    EXPECT_EQ(of(files), 4);
    files["sys/fs/cgroup/cpu.max"] = "600000 100000";
    EXPECT_EQ(of(files), 5);
}

TEST_F(CpuLimit, IsNoneWhereNothingCanBeRead) {
    EXPECT_EQ(of({}), -1);
    EXPECT_EQ(of({{"proc/self/mountinfo", "a b c\n- - -\n\n"}, {"proc/self/cgroup", "garbage\n::\n"}}), -1);
    EXPECT_EQ(of({{"proc/self/mountinfo", v2_mount}, {"proc/self/cgroup", "0::/gone\n"}}), -1);
}

TEST_F(CpuLimit, LeavesSoManyThreads) {
    const auto threads = [&](const std::string & limit) {
        of({{"proc/self/mountinfo", v2_mount}, {"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", limit}});
        return usable_cpus(root_);
    };
    EXPECT_EQ(threads("50000 100000\n"), 1) << "half a CPU is one thread";
    EXPECT_EQ(threads("199999 100000\n"), 1) << "rounded down";
    EXPECT_EQ(threads("9223372036854775807 1\n"), allowed_cpus());
    EXPECT_EQ(threads("max 100000\n"), allowed_cpus());
}

TEST(AllowedCpus, AreSome) { EXPECT_GE(allowed_cpus(), 1); }

}  // namespace
