"""LLAMA_ATTN_ROT_DISABLE: whether a quantised cache holds keys and values turned, which keeps more of them."""

from __future__ import annotations

import math

import pytest

import xllamacpp as xlc

pytestmark = pytest.mark.capability("Environment", "`LLAMA_ATTN_ROT_DISABLE`")

VARIABLE = "LLAMA_ATTN_ROT_DISABLE"
DISABLED = "attention rotation force disabled"
TEXT = "The king lived in a castle by the sea, and every morning he walked along the shore to look for ships."


@pytest.fixture
def logprobs(demo_model, params, door, monkeypatch, caplog):
    """Serve with the variable set so; return how likely each token of a text's end was, and what was logged."""

    def ask(disable, **cache):
        monkeypatch.setenv(VARIABLE, disable) if disable else monkeypatch.delenv(VARIABLE, raising=False)
        caplog.clear()
        wanted = params(demo_model, n_ctx=256, n_parallel=1, flash_attn_type="enabled", **cache)
        with xlc.Server(wanted) as server:
            body = {"prompt": TEXT, "n_predict": 1, "temperature": 0, "n_probs": 200}
            (token,) = door(server).ask("/completion", body)["completion_probabilities"]
        return {each["id"]: each["logprob"] for each in token["top_logprobs"]}, caplog.text

    return ask


QUANTISED = {"cache_type_k": "q4_0", "cache_type_v": "q4_0"}


def distance(one, other):
    """Return how far two distributions are apart, where they overlap."""
    return sum(math.exp(one[token]) * abs(one[token] - other[token]) for token in one.keys() & other.keys())


def test_it_takes_effect_on_a_quantised_cache(logprobs):
    exact, _ = logprobs("")
    turned, said = logprobs("", **QUANTISED)
    assert DISABLED not in said
    straight, said = logprobs("1", **QUANTISED)
    assert DISABLED in said
    assert turned != straight
    # What the rotation is for: the cache loses less.
    assert distance(exact, turned) < distance(exact, straight)


def test_zero_leaves_it_on(logprobs):
    turned, _ = logprobs("", **QUANTISED)
    also_turned, said = logprobs("0", **QUANTISED)
    assert DISABLED not in said
    assert turned == also_turned


def test_a_cache_that_is_not_quantised_is_never_turned(logprobs):
    before, _ = logprobs("")
    after, said = logprobs("1")
    assert DISABLED in said
    assert before == after
