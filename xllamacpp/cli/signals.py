"""Ctrl-C and SIGTERM, for a command that runs until it is told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stop(BaseException):
    """The user wants the program to end. Not an :class:`Exception`: nothing on the way takes it for a failure."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise :class:`Stop` in the main thread at the first Ctrl-C or SIGTERM; at the second, end the process at once.

    Afterwards both are ignored: there is nothing left to stop.
    """
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stop

    # Python's handlers wait until the main thread is back from native code, and the wait for a download to end may be
    # just what a second Ctrl-C is meant for. So another thread hears of the signals too.
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end_at_second, args=(receiver,), name="xllamacpp-signals", daemon=True).start()
    # A shell starts its background jobs with Ctrl-C ignored, and means it.
    numbers = [number for number in _NUMBERS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        sender.close()


def _end_at_second(receiver: socket.socket) -> None:
    seen = 0
    with receiver:
        while data := receiver.recv(16):
            seen += sum(number in _NUMBERS for number in data)
            if seen >= 2:
                os._exit(0)
