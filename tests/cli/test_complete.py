"""``xllamacpp complete``, on the demo model."""

from __future__ import annotations

import subprocess
import sys

import pytest

GREEDY = ["--temperature", "0", "--max-tokens", "12", "--n-ctx", "512"]


def test_argument_and_standard_input_give_the_same_text_and_nothing_else(run, demo_model):
    by_argument = run("complete", "--model", demo_model, *GREEDY, "Once upon a time")
    assert by_argument.returncode == 0, by_argument.stderr
    assert by_argument.stdout.strip()
    assert by_argument.stderr == ""
    by_input = run("complete", "--model", "demo", *GREEDY, text="Once upon a time\n")
    assert by_input.stdout == by_argument.stdout


def test_verbose_shows_the_log_on_standard_error(run, demo_model):
    result = run("complete", "-m", demo_model, *GREEDY, "--n-threads", "1", "-v", "Once")
    assert "n_threads = 1" in result.stderr
    assert "load_model" in result.stderr
    assert "load_model" not in result.stdout


def test_text_comes_before_the_end_and_a_closed_pipe_ends_it_quietly(start, demo_model):
    process = start("complete", "-m", demo_model, "Once upon a time, in a land far away")
    assert process.stdout.read(1)
    assert process.poll() is None
    process.stdout.close()
    assert process.wait(120) == 1
    assert process.stderr.read() == ""


def test_a_full_context_ends_the_text_with_a_word_on_it(run, demo_model):
    # The least that llama.cpp takes is 256 tokens.
    result = run("complete", "-m", demo_model, "--n-ctx", "256", "--temperature", "0", "word " * 230)
    assert result.returncode == 0
    assert "The context is full; --n-ctx gives more room." in result.stderr


def test_a_prompt_that_does_not_fit_is_an_error(run, demo_model):
    result = run("complete", "-m", demo_model, "--n-ctx", "256", "word " * 300)
    assert result.returncode == 4
    assert result.stdout == ""
    assert "does not fit into the context" in result.stderr
    assert "--n-ctx gives more room" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "There is no prompt"),
        (["--temprature", "1", "x"], "Did you mean '--temperature'?"),
        (["--temperature", "-1", "x"], "is not in the range"),
        (["--max-tokens", "0", "x"], "is not in the range"),
        (["one", "two"], "unexpected extra argument"),
    ],
)
def test_wrong_use_is_explained(run, arguments, words):
    result = run("complete", *arguments)
    assert result.returncode == 2
    assert words in result.stderr


@pytest.mark.parametrize("name", ["missing.gguf", "no such name"])
def test_missing_models_are_errors(run, name):
    result = run("complete", "-m", name, "x")
    assert result.returncode == 3
    assert result.stderr.startswith("Error: there is no ")
    assert len(result.stderr.splitlines()) == 1


def test_broken_model_is_an_error_with_llama_cpps_reason(run, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"this is no model" * 100)
    result = run("complete", "-m", broken, "x")
    assert result.returncode == 3
    assert "invalid magic" in result.stderr
    assert "Traceback" not in result.stderr


def test_input_that_is_no_text_is_an_error():
    result = subprocess.run([sys.executable, "-m", "xllamacpp", "complete"], input=b"\xff\xfe", capture_output=True)
    assert result.returncode == 2
    assert b"standard input is not text in UTF-8" in result.stderr
