"""Metrics, as Prometheus's own parser reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

import models
import xllamacpp as xlc

pytestmark = pytest.mark.capability("Endpoints", "`GET /metrics`: counters that Prometheus can read")

COUNTERS = {
    "prompt_tokens",
    "prompt_tokens_cached",
    "prompt_seconds",
    "tokens_predicted",
    "tokens_predicted_seconds",
    "n_decode",
    "n_tokens_max",
    "spec_decode_num_draft_tokens",
    "spec_decode_num_accepted_tokens",
    "spec_decode_num_drafts",
}
GAUGES = {
    "prompt_tokens_seconds",
    "predicted_tokens_seconds",
    "requests_processing",
    "requests_deferred",
    "n_busy_slots_per_decode",
}
COMPLETION = {"prompt": "the inn", "n_predict": 8, "temperature": 0}


@pytest.fixture(scope="module")
def server(params):
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, endpoint_metrics=True)) as server:
        yield server


def read(text):
    """Parse; return the kinds and the values by name, without the prefix that all have."""
    families = list(text_string_to_metric_families(text))
    kinds = {family.name.removeprefix("llamacpp:"): family.type for family in families}
    values = {sample.name.removeprefix("llamacpp:"): sample.value for family in families for sample in family.samples}
    return kinds, values


def test_names_and_kinds_are_what_the_guide_says(server, door):
    text = door(server).ask("/metrics")
    kinds, values = read(text)
    assert kinds == {**dict.fromkeys(COUNTERS, "counter"), **dict.fromkeys(GAUGES, "gauge")}
    assert len(values) == len(kinds)
    assert all(value >= 0 for value in values.values())
    assert text.count("# HELP ") == len(kinds)


def test_counters_count_what_was_done(server, door):
    opened = door(server)
    _, before = read(opened.ask("/metrics"))
    answer = opened.ask("/completion", {**COMPLETION, "cache_prompt": False})
    _, after = read(opened.ask("/metrics"))

    def grown(name):
        return after[name] - before[name]

    assert grown("prompt_tokens_total") == answer["tokens_evaluated"]
    assert grown("tokens_predicted_total") == answer["tokens_predicted"] == 8
    assert grown("n_decode_total") == 8
    assert grown("prompt_seconds_total") > 0
    assert grown("tokens_predicted_seconds_total") > 0
    assert after["requests_processing"] == after["requests_deferred"] == 0


def test_what_was_in_the_cache_is_counted_apart(server, door):
    opened = door(server)
    opened.ask("/completion", COMPLETION)
    _, before = read(opened.ask("/metrics"))
    timings = opened.ask("/completion", COMPLETION)["timings"]
    _, after = read(opened.ask("/metrics"))
    assert timings["cache_n"] > 0
    assert after["prompt_tokens_cached_total"] - before["prompt_tokens_cached_total"] == timings["cache_n"]
    assert after["prompt_tokens_total"] - before["prompt_tokens_total"] == timings["prompt_n"]


def test_nothing_shrinks(server, door):
    opened = door(server)
    last = dict.fromkeys((f"{name}_total" for name in COUNTERS - {"n_tokens_max"}), 0.0)
    for _ in range(3):
        opened.ask("/completion", COMPLETION)
        _, values = read(opened.ask("/metrics"))
        assert all(values[name] >= value for name, value in last.items())
        last = {name: values[name] for name in last}
