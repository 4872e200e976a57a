"""How far something has come, in a log."""

from __future__ import annotations

import pytest

from xllamacpp import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [0.0]
    monkeypatch.setattr("xllamacpp.progress.time.monotonic", lambda: now[0])
    return now


def lines(capfd):
    return [line.removeprefix("xllamacpp: ") for line in capfd.readouterr().err.splitlines()]


def test_a_log_has_a_line_for_each_tenth(clock, capfd):
    with progress.watch("x.gguf", True) as shown:
        for percent in range(101):
            clock[0] = percent / 5
            shown.at(percent * 1_000_000, 100_000_000)
    percents = [int(line.split()[1]) for line in lines(capfd)]
    assert percents == list(range(10, 101, 10))


def test_a_slow_one_has_a_line_every_ten_seconds(clock, capfd):
    with progress.watch("x.gguf", True) as shown:
        for second in range(31):
            clock[0] = second
            shown.at(second * 1_000_000, 100_000_000_000)
    assert lines(capfd) == ["x.gguf: 0 % of 100.0 GB, 1 MB/s"] * 3


def test_a_quick_one_has_its_last_line_only(clock, capfd):
    with progress.watch("x.gguf", True) as shown:
        for percent in range(101):
            clock[0] = percent / 1000
            shown.at(percent * 1_000_000, 100_000_000)
    assert lines(capfd) == ["x.gguf: 100 % of 100 MB, 1.0 GB/s"]


def test_what_was_here_before_does_not_count_for_the_speed(clock, capfd):
    with progress.watch("x.gguf", True) as shown:
        shown.at(90_000_000, 100_000_000)
        clock[0] = 10
        shown.at(100_000_000, 100_000_000)
    assert lines(capfd) == ["x.gguf: 100 % of 100 MB, 1 MB/s"]


def test_without_a_size_it_says_what_has_come(clock, capfd):
    with progress.watch("x.gguf", True) as shown:
        shown.at(0, None)
        clock[0] = 10
        shown.at(20_000_000, None)
    assert lines(capfd) == ["x.gguf: 20 MB, 2 MB/s"]


def test_nothing_is_shown_where_nobody_wants_it(capfd):
    with progress.watch("x.gguf", False) as shown:
        shown.at(1, 1)
    assert lines(capfd) == []
