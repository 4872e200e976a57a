"""What a server remembers of prompts, so that they are not processed again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor

# Each begins with a space, and so with the same token wherever it stands.
_SEA = " The sea was calm that morning, and the old captain counted the gulls above the harbour one by one." * 3
_TOWN = " Nobody in the town knew why the clock had stopped, but the baker had a theory about mice and winter." * 3


@pytest.fixture(scope="module")
def server(demo_model: Path, params: MakeParams) -> Iterator[xlc.Server]:
    """Serve the demo model with one slot, and no memory for prompts but the slot."""
    with xlc.Server(params(demo_model, n_parallel=1, cache_ram_mib=0)) as server:
        yield server


def cached(answer: Any) -> int:
    return int(answer["usage"]["prompt_tokens_details"]["cached_tokens"])


def complete(opened: Door, prompt: str, **options: Any) -> Any:
    return opened.ask("/v1/completions", {"prompt": prompt, "max_tokens": 4, "temperature": 0, **options})


BEGINNING = pytest.mark.capability("Prompt cache", "what begins like the last prompt is not processed again")


@BEGINNING
def test_a_prompt_that_begins_like_the_last_one_is_not_processed_again(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    complete(opened, _TOWN)
    first = complete(opened, _SEA)
    again = complete(opened, _SEA)
    longer = complete(opened, _SEA + " Then it rained.")
    prompt_tokens = first["usage"]["prompt_tokens"]
    assert cached(first) < 5
    # The last token is computed again: the answer begins with what comes out of it.
    assert cached(again) == prompt_tokens - 1
    assert again["choices"] == first["choices"]
    assert prompt_tokens - 5 <= cached(longer) <= prompt_tokens


@BEGINNING
@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_stream_says_at_its_end_how_much_was_remembered(server: xlc.Server, door: OpenDoor, path: str) -> None:
    body = {"max_tokens": 4, "stream_options": {"include_usage": True}}
    if "chat" in path:
        body["messages"] = [{"role": "user", "content": _SEA}]
    else:
        body["prompt"] = _SEA
    opened = door(server)
    opened.ask(path, {**body, "stream_options": {}})
    usage = [chunk for chunk in opened.stream(path, body) if chunk.get("usage")][-1]
    assert cached(usage) == usage["usage"]["prompt_tokens"] - 1


@BEGINNING
def test_a_chat_that_goes_on_remembers_what_was_said(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    messages = [{"role": "user", "content": _SEA}]
    first = opened.ask("/v1/chat/completions", {"messages": messages, "max_tokens": 8})
    messages += [first["choices"][0]["message"], {"role": "user", "content": "Go on."}]
    second = opened.ask("/v1/chat/completions", {"messages": messages, "max_tokens": 8})
    assert cached(second) >= first["usage"]["prompt_tokens"] - 1


@pytest.mark.capability("Prompt cache", "cache_prompt false remembers nothing")
def test_without_the_cache_every_prompt_is_processed(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    for _ in range(2):
        assert cached(complete(opened, _SEA, cache_prompt=False)) == 0


@pytest.mark.capability("Prompt cache", "n_cache_reuse shifts what comes later in a prompt")
def test_a_part_that_has_moved_is_reused_where_that_is_asked_for(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    for n_cache_reuse, least, most in [(0, 0, 8), (16, 40, 1000)]:
        complete(opened, _TOWN + _SEA, cache_prompt=False)
        moved = complete(opened, _SEA, n_cache_reuse=n_cache_reuse)
        assert least <= cached(moved) <= most


@pytest.mark.capability("Prompt cache", "n_cache_reuse shifts what comes later in a prompt")
def test_reuse_can_be_set_for_the_whole_server(demo_model: Path, params: MakeParams, door: OpenDoor) -> None:
    with xlc.Server(params(demo_model, n_parallel=1, cache_ram_mib=0, n_cache_reuse=16)) as server:
        opened = door(server)
        complete(opened, _TOWN + _SEA)
        assert cached(complete(opened, _SEA)) >= 40


@pytest.mark.capability("Prompt cache", "cache_ram_mib keeps prompts that have lost their slot")
@pytest.mark.parametrize("mib", [0, 64])
def test_the_hosts_memory_keeps_prompts_that_lost_their_slot(
    demo_model: Path, params: MakeParams, door: OpenDoor, mib: int
) -> None:
    with xlc.Server(params(demo_model, n_parallel=1, cache_ram_mib=mib)) as server:
        opened = door(server)
        first = complete(opened, _SEA)
        complete(opened, _TOWN)
        again = complete(opened, _SEA)
    remembered = first["usage"]["prompt_tokens"] - 1 if mib else 0
    assert abs(cached(again) - remembered) <= 2
    assert again["choices"] == first["choices"]
