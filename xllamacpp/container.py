"""What surrounds this process: the kind of container, and the limits that its control groups set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

ContainerKind = Literal["docker", "podman", "kubernetes"]

# A version 1 limit that is not set reads as the largest page-aligned number, or nearly.
_UNLIMITED_BYTES = 2**60


def container_kind(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> ContainerKind | None:
    """Tell what runs the container that this process is in.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.
    environment : mapping of str, optional
        The environment variables.

    Returns
    -------
    "docker", "podman", "kubernetes" or None
        None outside of a container, and where it cannot be told.
    """
    # First: the nodes of a cluster may run Docker.
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes"
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    return None


def cpu_limit(root: Path = Path("/")) -> float | None:
    """Return how many CPUs' time this process may use.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.

    Returns
    -------
    float or None
        CPUs, such as 1.5; None without a limit.
    """
    return _least(root, "cpu", _cpu_quota, _cpu_quota_v1)


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the most threads that a server takes here, as native/src/cpus.h has it.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.

    Returns
    -------
    int
        The CPUs that this process may run on, and no more than its limit, rounded down, has time for; at least 1.
    """
    allowed, limit = len(os.sched_getaffinity(0)), cpu_limit(root)
    return allowed if limit is None else max(1, min(allowed, int(limit)))


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return how much memory this process, and those it shares the limit with, may use.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.

    Returns
    -------
    int or None
        Bytes; None without a limit.
    """
    limit = _least(root, "memory", _memory_max, _memory_max_v1)
    return None if limit is None else int(limit)


def _least(
    root: Path,
    controller: str,
    read: Callable[[Path], float | None],
    read_v1: Callable[[Path], float | None],
) -> float | None:
    """Return the strictest of the limits on this process's group and on the groups around it."""
    limits = []
    for folder, is_v1 in _folders(root, controller):
        try:
            limits.append((read_v1 if is_v1 else read)(folder))
        except (OSError, ValueError):
            # Not there: another version, a controller that is off, or a group outside of this container.
            continue
    return min((limit for limit in limits if limit is not None), default=None)


def _folders(root: Path, controller: str) -> Iterator[tuple[Path, bool]]:
    mounts = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        # "4:memory:/a/group", and "0::/a/group" for version 2.
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = mounts / controllers if controllers else mounts
        # Where the path is one of the host's, all that is there is the top: a container's own group is mounted there.
        group = mount / path.lstrip("/")
        for folder in (group, *group.parents):
            yield folder, bool(controllers)
            if folder == mount:
                break


def _cpu_quota(folder: Path) -> float | None:
    quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
    return None if quota == "max" else int(quota) / int(period)


def _cpu_quota_v1(folder: Path) -> float | None:
    quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
    return None if quota < 0 else quota / int((folder / "cpu.cfs_period_us").read_text(encoding="utf-8"))


def _memory_max(folder: Path) -> float | None:
    text = (folder / "memory.max").read_text(encoding="utf-8").strip()
    return None if text == "max" else int(text)


def _memory_max_v1(folder: Path) -> float | None:
    limit = int((folder / "memory.limit_in_bytes").read_text(encoding="utf-8"))
    return None if limit >= _UNLIMITED_BYTES else limit
