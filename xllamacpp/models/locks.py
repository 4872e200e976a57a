"""Locks on what is in the cache, for processes and containers that share it.

They save a download that another process is busy with. That nothing half-written is taken for whole does not hang on
them: see :mod:`xllamacpp.models.transfer`.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

# What flock answers on file systems that have none, and on network file systems whose lock service is down.
_NO_FLOCK = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
# Users of one group may share a volume.
_MODE = 0o664
_LEASE_S = 30.0


@contextmanager
def held(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock for as long as the block runs.

    The system frees the lock of a process that dies. Where it has no such locks, a marker file takes its place, and
    counts for as long as its owner touches it: half a minute longer than its owner lives.

    Parameters
    ----------
    path : Path
        The lock's file; its folder is made.
    on_wait : callable
        Called once, if another process holds it.
    """
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock: BaseFileLock = filelock.FileLock(path, mode=_MODE, fallback_to_soft=False)
    try:
        _acquire(lock, on_wait)
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        lock = filelock.SoftFileLease(path.with_suffix(".lease"), lease_duration=_LEASE_S, mode=_MODE)
        _acquire(lock, on_wait)
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock right now."""
    with suppress(OSError):
        if time.time() - path.with_suffix(".lease").stat().st_mtime < _LEASE_S:
            return True
    if not path.exists():
        return False
    import filelock

    lock = filelock.FileLock(path, mode=_MODE, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _acquire(lock: BaseFileLock, on_wait: Callable[[], None]) -> None:
    import filelock

    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        on_wait()
        lock.acquire()
