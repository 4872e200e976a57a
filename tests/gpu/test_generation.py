"""A model on a GPU: that it is there, that it computes what the CPU does, and that it gives its memory back."""

from __future__ import annotations

import math

import pytest

import xllamacpp as xlc

pytestmark = pytest.mark.gpu

# How likely the next token is, after each of these. What both write by themselves would part at the first near tie.
TEXTS = ["Once upon a time, there was a robot who", "She opened the door and", "The capital of France is"]


@pytest.fixture
def on(params, demo_model):
    """Give a server with the whole model on a device."""
    return lambda device: xlc.Server(params(demo_model, n_gpu_layers=99, devices=[device]))


def likely_tokens(server):
    body = {"n_predict": 1, "temperature": 0, "n_probs": 8}
    answers = [server.request("POST", "/completion", {**body, "prompt": text}) for text in TEXTS]
    likely = [answer["completion_probabilities"][0]["top_logprobs"] for answer in answers]
    return [{each["token"]: math.exp(each["logprob"]) for each in tokens} for tokens in likely]


def test_it_computes_what_the_cpu_does(gpu, on):
    with on(gpu["name"]) as server:
        on_gpu = likely_tokens(server)
    with on("none") as server:
        on_cpu = likely_tokens(server)
    for one, other in zip(on_gpu, on_cpu, strict=True):
        # Both round to 8 bits on the way, each in its own; a wrong result would be far from this. On an H200, 0.037 lay
        # between CUDA and cpu-sapphirerapids, 0.041 between CUDA and cpu-icelake.
        both = one.keys() & other.keys()
        assert len(both) >= 6
        assert [one[token] for token in both] == pytest.approx([other[token] for token in both], abs=0.04)
    # Two different programs computed them.
    assert on_gpu != on_cpu


def test_the_model_is_in_its_memory_and_leaves_it(gpu, on, demo_model, free_memory):
    before = free_memory()
    with on(gpu["name"]):
        assert before - free_memory() > demo_model.stat().st_size / 2
    assert before - free_memory() < demo_model.stat().st_size / 2


def test_without_a_word_about_it_the_model_goes_there(params, demo_model, free_memory):
    before = free_memory()
    with xlc.Server(params(demo_model)):
        assert before - free_memory() > demo_model.stat().st_size / 2
    with xlc.Server(params(demo_model, n_gpu_layers=0)):
        assert before - free_memory() < demo_model.stat().st_size / 2


def test_many_requests_at_once_are_decoded_together(gpu, params, demo_model):
    with xlc.Server(params(demo_model, n_gpu_layers=99, devices=[gpu["name"]], n_parallel=4)) as server:
        streams = [
            server.request("POST", "/completion", {"prompt": text, "n_predict": 16, "ignore_eos": True, "stream": True})
            for text in (*TEXTS, "1, 2, 3, 4,")
        ]
        assert [list(stream)[-1]["tokens_predicted"] for stream in streams] == [16] * 4
