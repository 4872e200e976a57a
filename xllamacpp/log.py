"""llama.cpp's log, as records of the logger ``xllamacpp``.

The native side keeps the newest lines in a bounded queue; one thread of ours drains it into :mod:`logging` for as long
as any server lives. Configure it as any logger: ``logging.getLogger("xllamacpp").setLevel(logging.ERROR)``.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading

from xllamacpp._native import _core

logger = logging.getLogger("xllamacpp")
# A library says nothing on its own: who wants the lines configures the logger.
logger.addHandler(logging.NullHandler())

# ggml's numbers.
_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}


def drain(timeout_ms: int = 0) -> None:
    """Emit the lines that are waiting; with a timeout, wait that long for the first."""
    lines, dropped = _core.log_drain(timeout_ms)
    if dropped:
        logger.warning("%d log lines were lost: they came faster than logging took them", dropped)
    for level, text in lines:
        logger.log(_LEVELS.get(level, logging.INFO), "%s", text)


class _Drainer:
    """The thread that drains, counted by those who need it."""

    def __init__(self) -> None:
        self._begin()
        if hasattr(os, "register_at_fork"):
            # The thread and those who need it stay behind with the parent.
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        with self._lock:
            self._users += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="xllamacpp-log", daemon=True)
                self._thread.start()

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._thread is None:
                return
            thread, self._thread = self._thread, None
        # __del__ may run on the drainer itself, by way of the garbage collector.
        if thread is not threading.current_thread():
            _core.log_wake()
            thread.join()
        drain()

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            drain(1000)


drainer = _Drainer()
atexit.register(drain)
