"""Runs the installed command: to its end, in the background, or in a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "xllamacpp"]

# Far more than anything takes on a busy machine; a test that waits this long has failed.
PATIENCE_S = 300

# Gives the program the terminal for its own, so that keys like Ctrl-C reach it as signals.
_IN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
)


@pytest.fixture(autouse=True)
def _signals_reach_children() -> Iterator[None]:
    """Undo for children what a shell does to its background jobs: it has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``xllamacpp`` with some arguments and return what came of it; ``environment`` adds to ours."""

    def run(
        *arguments: str | Path, text: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            env={**os.environ, **(environment or {})},
        )

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``xllamacpp`` in the background, with pipes to it; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, **(environment or {})},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


class Terminal:
    """A program in a terminal of its own.

    Parameters
    ----------
    arguments : list of str
        The program's command line.
    """

    def __init__(self, arguments: list[str]) -> None:
        self._descriptor, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "50"},
        )
        os.close(terminal)
        self.shown = ""
        self._seen = 0

    def press(self, keys: str) -> None:
        """Send some keys."""
        os.write(self._descriptor, keys.encode())

    def press_until(self, keys: str, text: str) -> None:
        """Send some keys again and again until `text` comes.

        For Ctrl-C: Python's line editor does not notice a signal that comes between its prompt and its wait.
        """
        while self.shown.find(text, self._seen) < 0:
            assert self.process.poll() is None, f"the program ended without {text!r}:\n{self.shown}"
            self.press(keys)
            while select.select([self._descriptor], [], [], 1)[0] and self._read():
                pass
        self.expect(text)

    def expect(self, text: str) -> str:
        """Wait for `text` after what was expected last; return what came before it."""
        while (found := self.shown.find(text, self._seen)) < 0:
            assert self._read(), f"the program ended without {text!r}:\n{self.shown}"
        before = self.shown[self._seen : found]
        self._seen = found + len(text)
        return before

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        """Kill what still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._descriptor)

    def _read(self) -> bool:
        assert select.select([self._descriptor], [], [], PATIENCE_S)[0], f"nothing came:\n{self.shown}"
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            # Linux reports so that the other end of a terminal is closed.
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """Run ``xllamacpp`` in a terminal."""
    opened: list[Terminal] = []

    def open_terminal(*arguments: Any) -> Terminal:
        opened.append(Terminal([*COMMAND, *map(str, arguments)]))
        return opened[-1]

    yield open_terminal
    for terminal in opened:
        terminal.close()
