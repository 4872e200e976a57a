"""What surrounds this process: the kind of container, and the memory that its control groups leave it.

The CPUs that they leave it are the core's to know (native/include/xllamacpp/cpus.h), as it makes the threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xllamacpp.select.files import ContainerKind, container_kind

__all__ = ["ContainerKind", "container_kind", "memory_limit"]

# A version 1 limit that is not set reads as the largest page-aligned number, or nearly.
_UNLIMITED_BYTES = 2**60


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return how much memory this process, and those it shares the limit with, may use.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.

    Returns
    -------
    int or None
        Bytes; None without a limit. The strictest of the limits on this process's group and on the groups around it.
    """
    limits = []
    for folder, is_v1 in _memory_groups(root):
        try:
            limits.append(_read_limit_v1(folder) if is_v1 else _read_limit(folder))
        except (OSError, ValueError):
            # Not there: another version, a controller that is off, or a group outside of this container.
            continue
    return min((limit for limit in limits if limit is not None), default=None)


def _memory_groups(root: Path) -> Iterator[tuple[Path, bool]]:
    mounts = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        # "4:memory:/a/group", and "0::/a/group" for version 2.
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = mounts / controllers if controllers else mounts
        # Where the path is one of the host's, all that is there is the top: a container's own group is mounted there.
        group = mount / path.lstrip("/")
        for folder in (group, *group.parents):
            yield folder, bool(controllers)
            if folder == mount:
                break


def _read_limit(folder: Path) -> int | None:
    text = (folder / "memory.max").read_text(encoding="utf-8").strip()
    return None if text == "max" else int(text)


def _read_limit_v1(folder: Path) -> int | None:
    limit = int((folder / "memory.limit_in_bytes").read_text(encoding="utf-8"))
    return None if limit >= _UNLIMITED_BYTES else limit
