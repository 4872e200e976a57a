"""How far something long has come, on standard error: a bar on a terminal, else lines for a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

# rich is imported where it is used: most runs need no bar.

_LINE_EVERY_PERCENT = 10.0
# And no more often or seldom than this.
_SHORTEST_S, _LONGEST_S = 1.0, 10.0


class Display(Protocol):
    """Shows how far one thing has come."""

    def at(self, position: int, size: int | None) -> None:
        """Show that `position` bytes are there, of `size` or of nobody knows how many."""


_shown_by: Callable[[str], Display] | None = None


def show_by(display: Callable[[str], Display]) -> None:
    """Show what is wanted of progress from now on in another way than on standard error.

    Parameters
    ----------
    display : callable
        Makes a display for a name.
    """
    global _shown_by
    _shown_by = display


class _Nothing:
    def at(self, position: int, size: int | None) -> None:
        pass


class _Lines:
    """A line for each tenth of what takes a while, and after each ten seconds of a slow one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun: tuple[float, int] | None = None
        self._said = (0.0, 0.0)

    def at(self, position: int, size: int | None) -> None:
        now = time.monotonic()
        percent = 100 * position / size if size else 0.0
        if self._begun is None:
            # What an earlier run fetched says nothing about the speed of this one.
            self._begun = now, position
            self._said = now, percent
            return
        silent_s, further = now - self._said[0], percent - self._said[1]
        is_end = position == size and further > 0
        is_due = silent_s >= (_SHORTEST_S if further >= _LINE_EVERY_PERCENT else _LONGEST_S)
        if not is_end and not is_due:
            return
        self._said = now, percent
        begun_at, begun_position = self._begun
        speed = (position - begun_position) / max(now - begun_at, 1e-3)
        share = f"{percent:.0f} % of {format_size(size)}" if size else format_size(position)
        say(f"{self._name}: {share}, {format_size(int(speed))}/s", True)


def say(text: str, progress: bool) -> None:
    """Print a line on standard error, if progress is wanted."""
    if progress:
        print(f"xllamacpp: {text}", file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Tell whether standard error is a terminal."""
    return sys.stderr.isatty()


def format_size(size: int) -> str:
    """Write a number of bytes for people: ``98 MB``, ``4.1 GB``."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


@contextmanager
def watch(name: str, progress: bool) -> Iterator[Display]:
    """Show how far `name` has come for as long as the block runs, if progress is wanted.

    Parameters
    ----------
    name : str
        What the bar or the lines are about.
    progress : bool
        Whether to show anything.

    Yields
    ------
    Display
        Is told how far it has come.
    """
    if not progress:
        yield _Nothing()
    elif _shown_by is not None:
        yield _shown_by(name)
    elif is_terminal():
        with _bar(name) as bar:
            yield bar
    else:
        yield _Lines(name)


@contextmanager
def _bar(name: str) -> Iterator[Display]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), DownloadColumn()),
        *(TransferSpeedColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(name), total=None)

        class Bar:
            def at(self, position: int, size: int | None) -> None:
                progress.update(task, completed=position, total=size)

        yield Bar()
