"""docs/capabilities.md: what the tests have shown, each thing by the ways that they went and the models they had.

A pytest plugin. A test says what it shows by the marker ``capability(section, name)``; the rest comes from the doors
that it went through (``doors.py``). A run of every test compares the file with what it saw; with
``--write-capabilities`` it writes the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

FILE = Path(__file__).parent.parent / "docs" / "capabilities.md"

_KEY = "capability"

_HEAD = """\
# Capabilities

What each of them is, and how it is used: [the guide](guide/README.md). This table is made of the tests in
tests/capabilities (`nox -s capabilities`), and `make test` compares it with what they show: a tick is a test that went
that way and passed. "Python" is a method of `xllamacpp.Server`, "HTTP" is its socket.
"""

_COLUMNS = (("Python", False), ("Python", True), ("HTTP", False), ("HTTP", True))


class Sight(NamedTuple):
    """Something that a test has shown.

    Parameters
    ----------
    section, name : str
        The capability.
    door : str
        The way that was gone.
    is_streamed : bool
        Whether the answer came in chunks.
    model : str
        The model's name.
    """

    section: str
    name: str
    door: str
    is_streamed: bool
    model: str


def record(item: pytest.Item, door: str, is_streamed: bool, model: str) -> None:
    """Write down on a test what it has seen, once for each capability that it is marked with."""
    for marker in item.iter_markers(_KEY):
        sight = (_KEY, tuple(Sight(*marker.args, door, is_streamed, model)))
        if sight not in item.user_properties:
            item.user_properties.append(sight)


def render(sights: Iterable[Sight]) -> str:
    """Render the page."""
    seen: dict[str, dict[str, set[Sight]]] = defaultdict(lambda: defaultdict(set))
    for sight in sights:
        seen[sight.section][sight.name].add(sight)
    text = _HEAD
    for section in sorted(seen):
        text += f"\n## {section}\n\n| | Python | Python, streamed | HTTP | HTTP, streamed | models |\n|-|-|-|-|-|-|\n"
        for name in sorted(seen[section]):
            shown = {(sight.door, sight.is_streamed) for sight in seen[section][name]}
            models = ", ".join(sorted({sight.model for sight in seen[section][name]}))
            ticks = " | ".join("✓" if column in shown else "" for column in _COLUMNS)
            text += f"| {name} | {ticks} | {models} |\n"
    return text


class CapabilityTable:
    """Gathers what passed tests have seen, in the process that leads the others."""

    def __init__(self, *, is_written: bool) -> None:
        self._is_written = is_written
        self._sights: set[Sight] = set()
        self._is_stale = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test has seen."""
        if report.when == "call" and report.passed:
            self._sights |= {Sight(*value) for key, value in report.user_properties if key == _KEY}

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the page, or compare it."""
        if exitstatus != pytest.ExitCode.OK:
            # What failed has its own message.
            return
        page = render(self._sights)
        if self._is_written:
            FILE.write_text(page, encoding="utf-8")
        elif not FILE.exists() or FILE.read_text(encoding="utf-8") != page:
            self._is_stale = True
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what is wrong with the page."""
        if self._is_stale:
            terminalreporter.section("capabilities", red=True)
            terminalreporter.line(
                "docs/capabilities.md is not what the tests have shown: nox -s capabilities writes it"
            )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("capabilities")
    group.addoption("--check-capabilities", action="store_true", help="compare docs/capabilities.md with what was seen")
    group.addoption("--write-capabilities", action="store_true", help="write docs/capabilities.md")


def pytest_configure(config: pytest.Config) -> None:
    """Gather in one process only."""
    is_written = config.getoption("--write-capabilities")
    if (is_written or config.getoption("--check-capabilities")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(CapabilityTable(is_written=is_written))
