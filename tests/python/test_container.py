"""The kind of container, and the limits of control groups, in file systems made up for it."""

from __future__ import annotations

import os

import pytest

from xllamacpp.container import container_kind, cpu_limit, memory_limit, usable_cpus

GIB = 2**30


@pytest.fixture
def write(tmp_path):
    def write(files):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("files", "environment", "kind"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, "docker"),
        ({"run/.containerenv": ""}, {}, "podman"),
        ({".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
    ],
)
def test_the_kind_of_container_is_known_by_its_marks(write, files, environment, kind):
    assert container_kind(write(files), environment) == kind


@pytest.mark.parametrize(
    ("files", "cpus", "memory"),
    [
        # A container's own view: its group is the top.
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/memory.max": f"{GIB}\n",
            },
            1.5,
            GIB,
        ),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": "max 100000\n",
                "sys/fs/cgroup/memory.max": "max\n",
            },
            None,
            None,
        ),
        # The strictest of the groups that this one is in.
        (
            {
                "proc/self/cgroup": "0::/pod/box\n",
                "sys/fs/cgroup/pod/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/pod/memory.max": f"{4 * GIB}\n",
                "sys/fs/cgroup/pod/box/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/pod/box/memory.max": f"{2 * GIB}\n",
            },
            0.5,
            2 * GIB,
        ),
        # Version 1, with the two controllers of CPU time in one place, and the host's path inside a container.
        (
            {
                "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GIB}\n",
            },
            2.5,
            3 * GIB,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/\n4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            None,
            None,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, None, None),
        ({}, None, None),
    ],
)
def test_limits_are_those_of_the_control_groups(write, files, cpus, memory):
    root = write(files)
    assert cpu_limit(root) == cpus
    assert memory_limit(root) == memory


@pytest.mark.parametrize(("quota", "threads"), [(250_000, 2), (50_000, 1), (100_000_000, 8)])
def test_threads_are_as_many_as_have_cpus_and_time(write, monkeypatch, quota, threads):
    root = write({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{quota} 100000\n"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert usable_cpus(root) == threads
