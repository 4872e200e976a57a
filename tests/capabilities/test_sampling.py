"""How the next token is chosen: what each option leaves of the distribution, computed here a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, log, log2
from statistics import pstdev
from typing import Any

import pytest

import models
import xllamacpp as xlc
from distributions import PROMPT, Distribution, distribution, scaled
from doors import MakeParams, OpenDoor, streamed


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model whose whole vocabulary can be looked at."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@pytest.fixture
def base(server: xlc.Server, door: OpenDoor) -> Distribution:
    """Return the distribution that the model gives, in falling order."""
    given = distribution(door(server))
    assert len(given) == 297
    return given


def first(base: Distribution, count: int) -> Distribution:
    return scaled(dict(list(base.items())[:count]))


def heated(base: Distribution, temperature: float) -> Distribution:
    return scaled({token: p ** (1 / temperature) for token, p in base.items()})


def nucleus(base: Distribution, top_p: float) -> Distribution:
    total = 0.0
    for count, p in enumerate(base.values(), start=1):
        total += p
        if total >= top_p:
            return first(base, count)
    return base


def likely(base: Distribution, min_p: float) -> Distribution:
    least = min_p * max(base.values())
    return scaled({token: p for token, p in base.items() if p >= least})


def typical(base: Distribution, typical_p: float) -> Distribution:
    entropy = sum(-p * log(p) for p in base.values())
    total = 0.0
    kept = {}
    for token, p in sorted(base.items(), key=lambda item: abs(-log(item[1]) - entropy)):
        kept[token] = p
        total += p
        if total > typical_p:
            break
    return scaled(kept)


def within_sigmas(base: Distribution, sigmas: float) -> Distribution:
    logits = {token: log(p) for token, p in base.items()}
    least = max(logits.values()) - sigmas * pstdev(logits.values())
    return scaled({token: base[token] for token, logit in logits.items() if logit >= least})


def without_top_choices(base: Distribution, threshold: float) -> Distribution:
    above = [token for token, p in base.items() if p >= threshold]
    return scaled({token: p for token, p in base.items() if token not in above[:-1]})


def dynamic(base: Distribution, temperature: float, reach: float, exponent: float) -> Distribution:
    entropy = sum(-p * log(p) for p in base.values()) / log(len(base))
    return heated(base, temperature - reach + 2 * reach * entropy**exponent)


def surprising(base: Distribution, tau: float) -> Distribution:
    return scaled({token: p for token, p in base.items() if -log2(p) <= 2 * tau})


LEAVES: dict[str, tuple[dict[str, Any], Callable[[Distribution], Distribution]]] = {
    "temperature": ({"temperature": 2.5}, lambda base: heated(base, 2.5)),
    "temperature 0": ({"temperature": 0}, lambda base: first(base, 1)),
    "dynatemp_range": ({"dynatemp_range": 0.5}, lambda base: dynamic(base, 1, 0.5, 1)),
    "dynatemp_exponent": ({"dynatemp_range": 0.5, "dynatemp_exponent": 3}, lambda base: dynamic(base, 1, 0.5, 3)),
    "top_k": ({"top_k": 5}, lambda base: first(base, 5)),
    "top_k -1": ({"top_k": -1}, lambda base: base),
    "top_p": ({"top_p": 0.5}, lambda base: nucleus(base, 0.5)),
    "min_p": ({"min_p": 0.3}, lambda base: likely(base, 0.3)),
    "typical_p": ({"typical_p": 0.3}, lambda base: typical(base, 0.3)),
    "top_n_sigma": ({"top_n_sigma": 1.5}, lambda base: within_sigmas(base, 1.5)),
    "xtc": ({"xtc_probability": 1, "xtc_threshold": 0.02}, lambda base: without_top_choices(base, 0.02)),
    "xtc that is never tried": ({"xtc_probability": 0, "xtc_threshold": 0.02}, lambda base: base),
    "min_keep": ({"top_p": 0, "min_keep": 4}, lambda base: first(base, 4)),
    "mirostat": ({"mirostat": 2, "mirostat_tau": 3}, lambda base: surprising(base, 3)),
    "samplers left out": ({"top_k": 5, "samplers": ["temperature"]}, lambda base: base),
    "samplers, hot first": (
        {"temperature": 1.5, "top_p": 0.5, "samplers": ["temperature", "top_p"]},
        lambda base: nucleus(heated(base, 1.5), 0.5),
    ),
    "samplers, hot last": (
        {"temperature": 1.5, "top_p": 0.5, "samplers": ["top_p", "temperature"]},
        lambda base: heated(nucleus(base, 0.5), 1.5),
    ),
    "samplers by letters": (
        {"temperature": 1.5, "top_p": 0.5, "samplers": "tp"},
        lambda base: nucleus(heated(base, 1.5), 0.5),
    ),
    "no samplers": ({"temperature": 3, "top_k": 1, "samplers": []}, lambda base: base),
}


@pytest.mark.capability("Sampling", "temperature, top_k, top_p, min_p, typical_p, top_n_sigma, xtc, dynatemp, mirostat")
@streamed
@pytest.mark.parametrize("name", LEAVES)
def test_an_option_leaves_what_it_is_meant_to_leave(
    server: xlc.Server, door: OpenDoor, base: Distribution, name: str, is_streamed: bool
) -> None:
    options, leave = LEAVES[name]
    left = distribution(door(server), is_streamed=is_streamed, **options)
    assert left == pytest.approx(leave(base), abs=1e-4)


@pytest.fixture
def read(server: xlc.Server) -> list[int]:
    """Return the tokens of the prompt."""
    tokens: list[int] = server.request("POST", "/tokenize", {"content": PROMPT, "add_special": True})["tokens"]
    return tokens


def weighed(base: Distribution, weigh: Callable[[int], float]) -> Distribution:
    return scaled({token: p * exp(weigh(token)) for token, p in base.items()})


@pytest.mark.capability("Sampling", "presence, frequency and repeat penalties")
def test_what_was_there_becomes_less_likely(
    server: xlc.Server, door: OpenDoor, base: Distribution, read: list[int]
) -> None:
    opened = door(server)
    assert max(map(read.count, read)) == 3
    present = distribution(opened, presence_penalty=1.5)
    assert present == pytest.approx(weighed(base, lambda token: -1.5 * (token in read)), abs=1e-4)
    frequent = distribution(opened, frequency_penalty=0.5)
    assert frequent == pytest.approx(weighed(base, lambda token: -0.5 * read.count(token)), abs=1e-4)

    def repeated(token: int) -> float:
        # The model gives 0 to what is no text, such as the start.
        logit = log(base[token] / base[read[0]])
        return (min(logit / 1.8, logit * 1.8) - logit) if token in read else 0.0

    assert distribution(opened, repeat_penalty=1.8) == pytest.approx(weighed(base, repeated), abs=1e-4)


@pytest.mark.capability("Sampling", "repeat_last_n: how far back the penalties look")
def test_penalties_look_back_so_far(server: xlc.Server, door: OpenDoor, base: Distribution, read: list[int]) -> None:
    opened = door(server)
    for last_n in (0, 1, 4):
        looked_at = read[len(read) - last_n :]
        near = distribution(opened, presence_penalty=1.5, repeat_last_n=last_n)
        assert near == pytest.approx(weighed(base, lambda token, seen=looked_at: -1.5 * (token in seen)), abs=1e-4)


DRY = {"prompt": "on an axe, on an axe, on an", "dry_multiplier": 0.5, "dry_base": 1.2}


@pytest.mark.capability("Sampling", "DRY: passages that come again")
def test_a_passage_that_comes_again_becomes_less_likely(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    base = distribution(opened, prompt=DRY["prompt"])

    def fall(**options: Any) -> float:
        """Return by how much the logit falls of the one token that is punished, if one is."""
        weights = distribution(opened, **{**DRY, **options})
        ratios = {token: log(weights[token] / base[token]) for token in base}
        usual = sorted(ratios.values())[len(ratios) // 2]
        fallen = [usual - ratio for ratio in ratios.values() if abs(usual - ratio) > 0.01]
        assert len(fallen) <= 1
        return sum(fallen)

    whole = fall()
    assert whole > 0.5
    assert fall(dry_multiplier=1.0) == pytest.approx(2 * whole, abs=0.01)
    assert fall(dry_base=1.4) > whole
    assert fall(dry_allowed_length=4) == pytest.approx(whole / 1.2**2, abs=0.01)
    assert fall(dry_allowed_length=100) == 0
    assert fall(dry_penalty_last_n=0) == 0
    assert 0 <= fall(dry_sequence_breakers=["x"]) < whole


@pytest.mark.capability("Sampling", "mirostat, first version; its tau and eta")
def test_mirostat_aims_at_a_surprise(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    left = [len(distribution(opened, mirostat=1, mirostat_tau=tau)) for tau in (1, 3, 9)]
    assert left == sorted(left)
    assert len(set(left)) == 3
    for version in (1, 2):
        learned = [
            distribution(opened, mirostat=version, mirostat_tau=3, mirostat_eta=eta, place=1) for eta in (0, 0.9)
        ]
        assert len(learned[0]) != len(learned[1])


@pytest.mark.capability("Sampling", "adaptive-p: its target and decay")
def test_adaptive_p_aims_at_a_probability(server: xlc.Server, door: OpenDoor, base: Distribution) -> None:
    opened = door(server)
    adaptive = {"samplers": ["top_k", "adaptive_p"], "top_k": 20}

    def best(target: float, **options: Any) -> float:
        return max(distribution(opened, **adaptive, adaptive_target=target, **options).items(), key=lambda kv: kv[1])[1]

    assert distribution(opened, **adaptive, adaptive_target=-1) == pytest.approx(first(base, 20), abs=1e-4)
    rare = distribution(opened, **adaptive, adaptive_target=0)
    common = distribution(opened, **adaptive, adaptive_target=1)
    likeliest = next(iter(base))
    assert common[likeliest] > rare[likeliest]
    later = [best(0.3, adaptive_decay=decay, place=6) for decay in (0, 0.99)]
    assert later[0] != later[1]
