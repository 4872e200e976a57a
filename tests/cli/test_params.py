"""``xllamacpp params``: looking parameters up."""

from __future__ import annotations

import json

import pytest

from xllamacpp._native.table import STRUCTURES

N_CTX = """\
n_ctx = 0  (int, tokens, 0 to 1073741824)
    Size of the context, which the slots share. 0 takes what the model was trained with.
    --ctx-size, LLAMA_ARG_CTX_SIZE, params.n_ctx = 8192
"""


@pytest.mark.parametrize(
    "words", [["n_ctx"], ["LLAMA_ARG_CTX_SIZE"], ["--ctx-size"], ["CTX-size"], ["trained", "slots share"]]
)
def test_finds_a_parameter_by_name_flag_variable_or_text(run, words):
    done = run("params", *words)
    assert done.returncode == 0
    assert done.stdout.startswith(N_CTX)


def test_shows_everything_without_a_word(run):
    lines = run("params").stdout.splitlines()
    assert sum(" = " in line and not line.startswith(" ") for line in lines) > 300
    for structure in STRUCTURES.values():
        for name in structure.fields:
            assert any(line.partition(" ")[0].split(".")[-1] == name for line in lines if not line.startswith(" "))


def test_a_word_that_nothing_has(run):
    done = run("params", "n_ctxx")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: no parameter has 'n_ctxx'; did you mean 'n_ctx'?\n"


def test_prints_the_schema(run):
    schema = json.loads(run("params", "--schema").stdout)
    assert schema["properties"]["n_ctx"]["default"] == 0
