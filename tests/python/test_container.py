"""The kind of container, and the limit of control groups on memory, in file systems made up for it."""

from __future__ import annotations

import pytest

from xllamacpp.container import container_kind, memory_limit

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
        ({".dockerenv": ""}, {"APPTAINER_CONTAINER": "/here.sif"}, "apptainer"),
        ({}, {"SINGULARITY_CONTAINER": "/here.sif"}, "apptainer"),
    ],
)
def test_the_kind_of_container_is_known_by_its_marks(write, files, environment, kind):
    assert container_kind(write(files), environment) == kind


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        # A container's own view: its group is the top.
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}, GIB),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
        # The strictest of the groups that this one is in.
        (
            {
                "proc/self/cgroup": "0::/pod/box\n",
                "sys/fs/cgroup/pod/memory.max": f"{4 * GIB}\n",
                "sys/fs/cgroup/pod/box/memory.max": f"{2 * GIB}\n",
            },
            2 * GIB,
        ),
        # Version 1, and the host's path inside a container.
        (
            {
                "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GIB}\n",
            },
            3 * GIB,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/\n4:cpu:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_the_limit_is_that_of_the_control_groups(write, files, memory):
    assert memory_limit(write(files)) == memory
