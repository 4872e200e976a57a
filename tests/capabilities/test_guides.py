"""The guide's pages on structured output and tools: every Python block in them runs as printed, on the demo model."""

from __future__ import annotations

from pathlib import Path

import pytest

from python.document import fenced_snippets, programs, run_program
from xllamacpp import BUILD_INFO

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
PROGRAMS = [
    pytest.param(program, id=f"{page} line {program.snippets[0].line}")
    for page in ("structured_output.md", "tools.md")
    for program in programs(fenced_snippets((GUIDE / page).read_text(encoding="utf-8")))
]


@pytest.mark.skipif(BUILD_INFO["llguidance"] is None, reason="they have a grammar in Lark")
@pytest.mark.parametrize("program", PROGRAMS)
def test_block_runs_as_printed(program, demo_model, tmp_path):
    output = run_program(program.source(), demo_model, tmp_path)
    assert output
    # What is printed of an answer is whole: the form that it is held to says where it ends.
    assert "Traceback" not in output
