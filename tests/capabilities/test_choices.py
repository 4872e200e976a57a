"""Several answers to one request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor, streamed

_SLOTS = 3
ASKED = {
    "/v1/completions": {"prompt": "the inn"},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "the inn"}]},
}

routes = pytest.mark.parametrize("path", ASKED)


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a tiny model with a few slots."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=_SLOTS * 256, n_parallel=_SLOTS)) as server:
        yield server


def choose(opened: Door, path: str, *, is_streamed: bool = False, **options: Any) -> list[str]:
    """Return the texts of all choices, by their index."""
    body = {**ASKED[path], "max_tokens": 12, **options}
    answers = opened.stream(path, body) if is_streamed else [opened.ask(path, body)]
    texts: dict[int, str] = defaultdict(str)
    for answer in answers:
        for choice in answer["choices"]:
            part = choice.get("message") or choice.get("delta") or choice
            texts[choice["index"]] += part.get("content") or part.get("text") or ""
    assert sorted(texts) == list(range(len(texts)))
    return [texts[index] for index in sorted(texts)]


@pytest.mark.capability("Choices", "n: several choices, each with its index")
@streamed
@routes
@pytest.mark.parametrize("n", [1, 2, _SLOTS])
def test_there_are_as_many_choices_as_are_asked_for(
    server: xlc.Server, door: OpenDoor, path: str, n: int, is_streamed: bool
) -> None:
    texts = choose(door(server), path, n=n, seed=7, is_streamed=is_streamed)
    assert len(set(texts)) == n
    assert all(texts)


@pytest.mark.capability("Choices", "n: several choices, each with its index")
@routes
def test_choices_have_seeds_of_their_own_in_turn(server: xlc.Server, door: OpenDoor, path: str) -> None:
    opened = door(server)
    texts = choose(opened, path, n=_SLOTS, seed=7)
    assert texts == choose(opened, path, n=_SLOTS, seed=7)
    assert texts == [choose(opened, path, seed=seed)[0] for seed in range(7, 7 + _SLOTS)]
    assert len(set(choose(opened, path, n=_SLOTS, temperature=0))) == 1


@pytest.mark.capability("Choices", "n: several choices, each with its index")
def test_llama_cpps_own_route_gives_a_list(server: xlc.Server, door: OpenDoor) -> None:
    answers = door(server).ask("/completion", {"prompt": "the inn", "n_predict": 4, "n_cmpl": 2, "seed": 7})
    assert [answer["index"] for answer in answers] == [0, 1]
    assert len({answer["content"] for answer in answers}) == 2


@pytest.mark.capability("Choices", "several prompts, and several choices of each")
@streamed
def test_several_prompts_have_several_choices_each(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    texts = choose(
        door(server),
        "/v1/completions",
        prompt=["the inn", "on the other", "a hat"],
        n=2,
        seed=7,
        is_streamed=is_streamed,
    )
    assert len(texts) == 6
    assert len(set(texts)) == 6


@pytest.mark.capability("Choices", "a finished choice says why, and the others go on")
@routes
def test_each_choice_says_why_it_ended(server: xlc.Server, door: OpenDoor, path: str) -> None:
    opened = door(server)
    grammar = 'root ::= "a" | "bcdefghijklmnopqrst"'
    body = {**ASKED[path], "n": _SLOTS, "seed": 1, "max_tokens": 5, "grammar": grammar, "temperature": 50, "top_k": 0}
    endings = defaultdict(set)
    for seed in range(1, 12, _SLOTS):
        for choice in opened.ask(path, {**body, "seed": seed})["choices"]:
            text = choice["message"]["content"] if "message" in choice else choice["text"]
            endings[text].add(choice["finish_reason"])
    assert endings == {"a": {"stop"}, "bcdef": {"length"}}


@pytest.mark.capability("Choices", "requests that need several slots wait for them")
@routes
def test_requests_that_need_every_slot_take_turns(server: xlc.Server, door: OpenDoor, path: str) -> None:
    opened = door(server)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(choose, opened, path, n=n, seed=7) for n in (_SLOTS, 1, _SLOTS, 2)]
        texts = [one.result() for one in asked]
    assert [len(some) for some in texts] == [_SLOTS, 1, _SLOTS, 2]


@pytest.mark.capability("Choices", "more choices than slots: refused, with the number there can be")
@streamed
@routes
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": _SLOTS + 1}, "n: expected a whole number from 1 to 3 (n_parallel): each choice takes a slot, got 4"),
        ({"n": 0}, "n: expected a whole number from 1 to 3 (n_parallel)"),
        ({"n": "two"}, 'got "two"'),
        ({"n_cmpl": _SLOTS + 1}, "n_cmpl: expected a whole number from 1 to 3"),
    ],
)
def test_a_number_of_choices_that_cannot_be_is_refused(
    server: xlc.Server, door: OpenDoor, path: str, options: dict[str, Any], message: str, is_streamed: bool
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        choose(door(server), path, is_streamed=is_streamed, **options)
    assert caught.value.status == 400
    assert message in str(caught.value)


@pytest.mark.capability("Choices", "best_of is refused unless it is n")
def test_choices_to_throw_away_are_refused(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    assert len(choose(opened, "/v1/completions", n=2, best_of=2)) == 2
    with pytest.raises(xlc.RequestError, match="best_of: expected as many as n"):
        choose(opened, "/v1/completions", n=1, best_of=2)
