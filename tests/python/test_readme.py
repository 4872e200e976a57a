"""The README: every Python block in it runs as printed, on the demo model."""

from __future__ import annotations

from pathlib import Path

import pytest

from python.document import fenced_snippets, programs, run_program

README = Path(__file__).resolve().parents[2] / "README.md"
PROGRAMS = programs(fenced_snippets(README.read_text(encoding="utf-8")))


def test_the_readme_shows_the_main_job():
    assert any("xlc.Server(" in program.source() for program in PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"line {program.snippets[0].line}")
def test_block_runs_as_printed(program, demo_model, tmp_path):
    output = run_program(program.source(), demo_model, tmp_path)
    assert output or "print(" not in program.source()
