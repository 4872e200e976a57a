"""What ends an answer: words, lengths, time, and the model itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor, streamed
from generated import CHATS, COMPLETIONS, ROUTES, Generated, generate

_SAID = "one two three four five"
_GRAMMAR = {"grammar": f'root ::= "{_SAID}"'}


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model that never ends by itself. A grammar has it say what a test wants, letter by letter."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@pytest.fixture(scope="module")
def ending(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model that ends its answers by itself."""
    with xlc.Server(params(models.tiny(models.TINY_REASONING), n_ctx=512, n_parallel=1)) as server:
        yield server


def say(opened: Door, *, is_streamed: bool = False, **options: Any) -> Generated:
    return generate(opened, "/completion", "a", is_streamed=is_streamed, **{**_GRAMMAR, "n_predict": 100, **options})


@pytest.mark.capability("Stopping", "stop: a text or a list, over any number of tokens")
@streamed
@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("three", "one two "),
        (["three"], "one two "),
        (["five", " th", "two t"], "one "),
        (["e"], "on"),
        (_SAID, ""),
        (["x", "threefold", "two  "], _SAID),
    ],
)
def test_an_answer_ends_before_a_stop(
    server: xlc.Server, door: OpenDoor, stop: Any, text: str, is_streamed: bool
) -> None:
    said = say(door(server), stop=stop, is_streamed=is_streamed)
    assert said.text == text
    assert said.ending == ("word" if text != _SAID else "eos")


@pytest.mark.capability("Stopping", "stop: a text or a list, over any number of tokens")
def test_a_stream_never_shows_the_beginning_of_a_stop(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    chunks = opened.stream("/completion", {"prompt": "a", "n_predict": 100, "stop": ["two three f"], **_GRAMMAR})
    shown = ""
    for chunk in chunks:
        shown += chunk["content"]
        assert "one ".startswith(shown)
    assert (chunks[-1]["stop_type"], chunks[-1]["stopping_word"]) == ("word", "two three f")
    # What only looked like one is shown after all.
    pieces = opened.stream("/completion", {"prompt": "a", "n_predict": 100, "stop": ["two three s"], **_GRAMMAR})
    assert "".join(chunk["content"] for chunk in pieces) == _SAID
    assert any("two three f" in chunk["content"] for chunk in pieces)


@pytest.mark.capability("Stopping", "stop on every route; stop_sequences")
@streamed
@pytest.mark.parametrize("path", ROUTES)
def test_every_route_stops(ending: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    name = "stop_sequences" if path == "/v1/messages" else "stop"
    prompt = "a" if path in COMPLETIONS else "What was it?"
    options = {name: ["forty-two"], "max_tokens": 50}
    generated = generate(door(ending), path, prompt, is_streamed=is_streamed, **options)
    assert generated.text == "It was "
    assert (
        generated.ending
        == {
            "/completion": "word",
            "/v1/completions": "stop",
            "/v1/chat/completions": "stop",
            "/v1/responses": "completed",
            "/v1/messages": "end_turn",
        }[path]
    )


@pytest.mark.capability("Stopping", "antiprompt of a server, where a request names no stop")
def test_a_server_has_stops_for_those_who_name_none(params: MakeParams, door: OpenDoor) -> None:
    made = params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, antiprompt=["two"])
    with xlc.Server(made) as server:
        opened = door(server)
        assert say(opened).text == "one "
        assert say(opened, stop=[]).text == "one "
        assert say(opened, stop=["three"]).text == "one two "


@pytest.mark.capability("Stopping", "an empty stop is none")
@pytest.mark.parametrize("stop", ["", [], [""], None, ["", "four"]])
def test_an_empty_stop_is_none(server: xlc.Server, door: OpenDoor, stop: Any) -> None:
    said = say(door(server), stop=stop)
    assert said.text == ("one two three " if stop == ["", "four"] else _SAID)


LENGTHS = {
    "/completion": "n_predict",
    "/v1/completions": "max_tokens",
    "/v1/chat/completions": "max_completion_tokens",
    "/v1/responses": "max_output_tokens",
    "/v1/messages": "max_tokens",
}


@pytest.mark.capability("Stopping", "n_predict, max_tokens, max_completion_tokens, max_output_tokens")
@streamed
@pytest.mark.parametrize("path", ROUTES)
def test_an_answer_has_so_many_tokens(server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    generated = generate(door(server), path, "the inn", is_streamed=is_streamed, **{LENGTHS[path]: 3, "temperature": 0})
    longer = generate(door(server), path, "the inn", **{LENGTHS[path]: 6, "temperature": 0})
    assert longer.text.startswith(generated.text)
    assert 3 <= len(generated.text) < len(longer.text)
    assert (
        generated.ending
        == {
            "/completion": "limit",
            "/v1/completions": "length",
            "/v1/chat/completions": "length",
            "/v1/responses": "completed",
            "/v1/messages": "max_tokens",
        }[path]
    )


@pytest.mark.capability("Stopping", "0 tokens: the prompt is read; -1: as many as the context holds")
@pytest.mark.parametrize(("n_predict", "count"), [(0, 1), (1, 1), (2, 2), (2.0, 2)])
def test_few_tokens_and_none(server: xlc.Server, door: OpenDoor, n_predict: float, count: int) -> None:
    answer = door(server).ask("/completion", {"prompt": "a", "n_predict": n_predict})
    # llama.cpp has a token by then, and shows it.
    assert answer["tokens_predicted"] == count


@pytest.mark.capability("Stopping", "0 tokens: the prompt is read; -1: as many as the context holds")
def test_without_a_limit_the_context_is_one(server: xlc.Server, door: OpenDoor) -> None:
    answer = door(server).ask("/completion", {"prompt": "a", "n_predict": -1, "ignore_eos": True})
    assert (answer["stop_type"], answer["truncated"]) == ("limit", True)
    assert answer["tokens_evaluated"] + answer["tokens_predicted"] == 512


@pytest.mark.capability("Stopping", "ignore_eos")
@streamed
@pytest.mark.parametrize("path", [COMPLETIONS[0], CHATS[0]])
def test_an_end_can_be_ignored(ending: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    opened = door(ending)
    by_itself = generate(opened, path, "a", is_streamed=is_streamed, max_tokens=100)
    ignored = generate(opened, path, "a", is_streamed=is_streamed, max_tokens=100, ignore_eos=True)
    assert by_itself.ending in {"eos", "stop"}
    assert ignored.ending in {"limit", "length"}
    assert len(ignored.text) > 2 * len(by_itself.text)


@pytest.mark.capability("Stopping", "n_indent: a line that is indented less")
def test_a_line_that_is_indented_less_ends_the_answer(server: xlc.Server, door: OpenDoor) -> None:
    block = {"grammar": r'root ::= "{\n    a\n      b\n  c\n"'}
    opened = door(server)
    assert say(opened, **block, n_indent=4).text == "{\n    a\n      b\n  "
    assert say(opened, **block, n_indent=2).text == "{\n    a\n      b\n  c\n"
    assert say(opened, **block).text == "{\n    a\n      b\n  c\n"


@pytest.mark.capability("Stopping", "t_max_predict_ms: the line after that time")
def test_an_answer_ends_with_the_line_in_which_its_time_is_over(server: xlc.Server, door: OpenDoor) -> None:
    lines = {"grammar": r'root ::= ("ab\n")+', "n_predict": 300, "ignore_eos": True}
    opened = door(server)
    ended = say(opened, **lines, t_max_predict_ms=1)
    whole = say(opened, **lines)
    assert ended.text.endswith("ab\n")
    assert (ended.ending, whole.ending) == ("limit", "limit")
    assert len(ended.text) < len(whole.text)


@pytest.mark.capability("Stopping", "bad values are refused by name")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop": 5}, "stop: expected a string or a list of strings, got 5"),
        ({"stop": {"a": 1}}, "stop: expected a string or a list of strings"),
        ({"stop": ["a", 5]}, "stop.1: expected a string, got 5"),
        ({"stop_sequences": "x", "stop": [[]]}, "stop.0: expected a string, got []"),
        ({"n_predict": -2}, "n_predict: expected a whole number of at least -1, got -2"),
        ({"max_tokens": 1.5}, "max_tokens: expected a whole number of at least -1, got 1.5"),
        ({"max_completion_tokens": "all"}, "max_completion_tokens: expected a whole number of at least -1"),
        ({"n_predict": 2**32 + 5}, "n_predict: expected a whole number"),
        ({"n_indent": -1}, "n_indent: expected a whole number from 0 to 2147483647, got -1"),
        ({"t_max_predict_ms": -2}, "t_max_predict_ms: expected a whole number from -1 to"),
        ({"ignore_eos": "x"}, "'ignore_eos'"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        door(server).ask("/completion", {"prompt": "a", **options})
    assert caught.value.status == 400
    assert message in str(caught.value)
