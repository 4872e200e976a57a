"""``xllamacpp bench``, on the demo model: what it reports, not how fast anything is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import xllamacpp as xlc
from xllamacpp._native import _core
from xllamacpp.cli.bench import Measurement, Rates

SMALL = ["--prompt-tokens", "24", "--max-tokens", "8"]


def test_json_has_the_rates_and_what_they_were_measured_with(run, demo_model):
    done = run("bench", "-m", demo_model, *SMALL, "--parallel", "2", "-r", "3", "-t", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["model"] == str(demo_model)
    assert (report["parallel"], report["repetitions"], report["n_threads"]) == (2, 3, 1)
    assert report["devices"]
    assert report["build"] == xlc.BUILD_INFO
    for work, tokens in (("prompt", 24), ("generation", 8)):
        assert report[work]["tokens"] == tokens
        for rates in report[work]["tokens_per_second"].values():
            assert 0 < rates["lowest"] <= rates["median"] <= rates["highest"]
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["1 of 3", "2 of 3", "3 of 3"]


def test_text_is_a_table(run, demo_model):
    done = run("bench", "-m", demo_model, *SMALL, "--parallel", "2", "--repetitions", "1")
    version, model, _, prompt, together, generation, *_ = done.stdout.splitlines()
    assert version.startswith("xllamacpp ")
    assert model.startswith(f"{demo_model.name} on ")
    assert model.endswith(f", CPU threads: {_core.usable_cpus()}")
    assert prompt.split()[:3] == ["prompt", "24", "tokens"]
    assert together.split()[:3] == ["2", "at", "once"]
    assert generation.split()[:3] == ["generation", "8", "tokens"]


def test_flags_of_llama_cpps_are_taken(run, demo_model):
    done = run("bench", "-m", demo_model, *SMALL, "-r", "1", "--json", "--", "--device", "none")
    assert json.loads(done.stdout)["devices"] == ["CPU"]
    done = run("bench", "-m", demo_model, *SMALL, "--", "--no-such-flag")
    assert done.returncode == 2
    assert "--no-such-flag" in done.stderr


def test_the_environment_of_a_server_does_not_count(run, demo_model):
    # In an image it is set for the server that runs there.
    environment = {"LLAMA_ARG_CTX_SIZE": "1", "LLAMA_ARG_MODEL": "missing.gguf", "LLAMA_ARG_HOST": "256.0.0.1"}
    done = run("bench", "-m", demo_model, *SMALL, "-r", "1", environment=environment)
    assert done.returncode == 0, done.stderr


def test_a_context_that_is_too_small_is_an_error(run, demo_model):
    done = run("bench", "-m", demo_model, "-p", "600", "-r", "1", "--", "--ctx-size", "512")
    assert done.returncode == 4
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--max-tokens", "1"], ["--parallel", "0"], ["-p", "0"], ["-r", "0"]])
def test_wrong_use_is_explained(run, arguments):
    done = run("bench", *arguments)
    assert done.returncode == 2
    assert "is not in the range" in done.stderr


class AnsweringServer:
    """Answers with the same times."""

    def __init__(self, **timings):
        self.timings = timings
        self.bodies = []

    def request(self, method, path, body=None):
        if path == "/v1/models":
            return {"data": [{"meta": {"n_vocab": 100}}]}
        self.bodies.append(body)
        return {"timings": self.timings}


def test_rates_are_tokens_by_the_time_that_they_took():
    with ThreadPoolExecutor(2) as pool:
        server = AnsweringServer(prompt_n=50, prompt_ms=500.0, predicted_n=1, predicted_ms=0.001)
        assert Measurement(server, pool, 2).reading(50).each == (100.0, 100.0)
        # The first token of an answer is there when its time begins.
        server = AnsweringServer(prompt_n=1, prompt_ms=1.0, predicted_n=11, predicted_ms=1000.0)
        assert Measurement(server, pool, 2).writing(11).each == (10.0, 10.0)
    assert [len(body["prompt"]) for body in server.bodies] == [1, 1]
    assert all(body["ignore_eos"] and not body["cache_prompt"] for body in server.bodies)


def test_an_answer_of_another_length_is_not_measured():
    server = AnsweringServer(prompt_n=50, prompt_ms=500.0, predicted_n=3, predicted_ms=10.0)
    with ThreadPoolExecutor(1) as pool, pytest.raises(xlc.ServerError, match="cannot be measured"):
        Measurement(server, pool, 1).writing(8)


def test_rates_are_summed_up_by_their_median_and_ends():
    assert Rates.of([3.0, 1.0, 8.0]) == Rates(median=3.0, lowest=1.0, highest=8.0)
