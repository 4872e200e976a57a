"""What decides beside the samplers: biases, seeds, the server's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import Any

import pytest

import models
import xllamacpp as xlc
from distributions import PROMPT, Distribution, distribution, scaled
from doors import MakeParams, OpenDoor, streamed
from generated import generate


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a tiny model with one slot."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@pytest.mark.capability("Sampling", "logit_bias: bans and boosts, by token and by text, as list and object")
@streamed
@pytest.mark.parametrize("form", ["pairs", "pairs by text", "object", "object by text"])
def test_a_bias_bans_and_boosts(server: xlc.Server, door: OpenDoor, form: str, is_streamed: bool) -> None:
    opened = door(server)
    base = distribution(opened)
    text = "the"
    [token] = opened.ask("/tokenize", {"content": text})["tokens"]
    name: Any = text if "text" in form else token

    def biased(bias: Any) -> Distribution:
        biases = [[name, bias]] if "pairs" in form else {str(name): bias}
        return distribution(opened, is_streamed=is_streamed, logit_bias=biases)

    def expected(bias: float) -> Distribution:
        return scaled({one: p * exp(bias if one == token else 0) for one, p in base.items()})

    assert biased(False) == pytest.approx(scaled({one: p for one, p in base.items() if one != token}), abs=1e-4)
    for bias in (2.5, -1, 0):
        assert biased(bias) == pytest.approx(expected(bias), abs=1e-4)


@pytest.mark.capability("Sampling", "options hold on every route")
@streamed
@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/v1/completions", {"top_k": 1, "temperature": 5}),
        ("/v1/chat/completions", {"logit_bias": {"270": 100}, "temperature": 5}),
        ("/v1/responses", {"logit_bias": {"270": 100}, "temperature": 5}),
        ("/v1/messages", {"top_k": 1, "temperature": 5}),
    ],
)
def test_options_hold_on_every_route(
    server: xlc.Server, door: OpenDoor, path: str, options: dict[str, Any], is_streamed: bool
) -> None:
    limit = {"max_output_tokens" if "responses" in path else "max_tokens": 8}
    opened = door(server)
    texts = {generate(opened, path, "the inn", is_streamed=is_streamed, **options, **limit).text for _ in range(3)}
    assert len(texts) == 1
    free = {generate(opened, path, "the inn", is_streamed=is_streamed, temperature=5, **limit).text for _ in range(3)}
    assert len(free) > 1


@pytest.mark.capability("Sampling", "seeds: the same text again, or another one")
@streamed
@pytest.mark.parametrize("path", ["/completion", "/v1/completions", "/v1/chat/completions", "/v1/responses"])
def test_a_seed_decides(server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    limit = {"max_output_tokens" if "responses" in path else "max_tokens": 12}
    opened = door(server)

    def said(seed: int) -> str:
        return generate(opened, path, "the inn", is_streamed=is_streamed, seed=seed, temperature=2, **limit).text

    assert said(1) == said(1)
    assert len({said(1), said(2), said(3)}) == 3
    assert said(-1) != said(-1)


@pytest.mark.capability("Sampling", "seeds: the same text again, or another one")
def test_the_seed_of_a_server_holds_where_a_request_has_none(params: MakeParams, door: OpenDoor) -> None:
    made = params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, sampling={"seed": 5})
    with xlc.Server(made) as server:
        opened = door(server)
        answers = [
            opened.ask("/completion", {"prompt": "a", "n_predict": 12, **some}) for some in ({}, {}, {"seed": 6})
        ]
    assert [answer["generation_settings"]["seed"] for answer in answers] == [5, 5, 6]
    assert answers[0]["content"] == answers[1]["content"] != answers[2]["content"]


SERVER = {
    "temperature": ("temp", 1.5),
    "dynatemp_range": ("dynatemp_range", 0.2),
    "dynatemp_exponent": ("dynatemp_exponent", 2.0),
    "top_k": ("top_k", 50),
    "top_p": ("top_p", 0.9),
    "min_p": ("min_p", 0.01),
    "typical_p": ("typ_p", 0.9),
    "top_n_sigma": ("top_n_sigma", 3.0),
    "xtc_probability": ("xtc_probability", 1.0),
    "xtc_threshold": ("xtc_threshold", 0.1),
    "min_keep": ("min_keep", 2),
    "repeat_last_n": ("penalty_last_n", 32),
    "repeat_penalty": ("penalty_repeat", 1.2),
    "frequency_penalty": ("penalty_freq", 0.1),
    "presence_penalty": ("penalty_present", 0.2),
    "dry_multiplier": ("dry_multiplier", 0.1),
    "dry_base": ("dry_base", 2.0),
    "dry_allowed_length": ("dry_allowed_length", 1),
    "dry_penalty_last_n": ("dry_penalty_last_n", 20),
    "seed": ("seed", 3),
    "samplers": ("samplers", ["penalties", "dry", "top_k", "top_p", "min_p", "xtc", "temperature"]),
}


@pytest.mark.capability("Sampling", "a server's own settings, where a request has none")
def test_a_server_has_settings_for_those_who_give_none(server: xlc.Server, params: MakeParams, door: OpenDoor) -> None:
    asked = {"prompt": PROMPT, "n_predict": 1, "n_probs": 297, "post_sampling_probs": True}
    with xlc.Server(
        params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, sampling=dict(SERVER.values()))
    ) as set_up:
        by_server = door(set_up).ask("/completion", asked)
    options = {option: value for option, (_, value) in SERVER.items()}
    by_request = door(server).ask("/completion", {**asked, **options})
    assert by_server["generation_settings"] == by_request["generation_settings"]
    reports = [answer["completion_probabilities"][0] for answer in (by_server, by_request)]
    left, wanted_left = ({one["id"]: one["prob"] for one in report["top_probs"]} for report in reports)
    assert left == pytest.approx(wanted_left, abs=1e-4)
    assert 1 < len(left) < 50
