"""A model that thinks before it answers: where its thought goes, whether it thinks, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import MakeParams, OpenDoor, streamed
from generated import CHATS, Generated, generate

THOUGHT = "The question is easy, so I think briefly."
ANSWER = "It was forty-two!"
FORMATS = xlc.common_reasoning_format

chats = pytest.mark.parametrize("path", CHATS)


@pytest.fixture(scope="module")
def thinking(params: MakeParams) -> Callable[..., xlc.CommonParams]:
    """Make parameters for a server of the model that thinks."""

    def make(**fields: Any) -> xlc.CommonParams:
        return params(models.tiny(models.TINY_REASONING), **{"n_ctx": 1024, "n_parallel": 1, **fields})

    return make


@pytest.fixture(scope="module")
def server(thinking: MakeParams) -> Iterator[xlc.Server]:
    """Serve the model that thinks, as it is served by default."""
    with xlc.Server(thinking()) as server:
        yield server


@pytest.mark.capability("Reasoning", "thought and answer apart: reasoning_content, reasoning items, thinking blocks")
@streamed
@chats
def test_thought_and_answer_come_apart(server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    generated = generate(door(server), path, "What was it?", is_streamed=is_streamed)
    assert (generated.thought, generated.text) == (THOUGHT, ANSWER)


@pytest.mark.capability("Reasoning", "reasoning_format of a request")
@streamed
@pytest.mark.parametrize(
    ("name", "thought", "text"),
    [
        ("none", "", f"<think>{THOUGHT}</think>{ANSWER}"),
        ("deepseek", THOUGHT, ANSWER),
        ("auto", THOUGHT, ANSWER),
        ("deepseek-legacy", THOUGHT, ANSWER),
    ],
)
def test_a_request_says_where_the_thought_goes(
    server: xlc.Server, door: OpenDoor, name: str, thought: str, text: str, is_streamed: bool
) -> None:
    generated = generate(
        door(server), "/v1/chat/completions", "What was it?", is_streamed=is_streamed, reasoning_format=name
    )
    assert (generated.thought, generated.text) == (thought, text)


@pytest.mark.capability("Reasoning", "reasoning_format of a server")
@pytest.mark.parametrize(
    ("chosen", "thought"),
    [
        (FORMATS.COMMON_REASONING_FORMAT_NONE, ""),
        (FORMATS.COMMON_REASONING_FORMAT_AUTO, THOUGHT),
        (FORMATS.COMMON_REASONING_FORMAT_DEEPSEEK_LEGACY, THOUGHT),
        (FORMATS.COMMON_REASONING_FORMAT_DEEPSEEK, THOUGHT),
    ],
)
def test_a_server_says_where_the_thought_goes(
    thinking: MakeParams, door: OpenDoor, chosen: xlc.common_reasoning_format, thought: str
) -> None:
    with xlc.Server(thinking(reasoning_format=chosen)) as server:
        opened = door(server)
        assert generate(opened, "/v1/chat/completions", "What was it?").thought == thought
        other = "none" if thought else "deepseek"
        turned = generate(opened, "/v1/chat/completions", "What was it?", reasoning_format=other)
        assert turned.thought == ("" if thought else THOUGHT)


WITHOUT_THINKING = {
    "enable_thinking": ("/v1/chat/completions", {"chat_template_kwargs": {"enable_thinking": False}}),
    "reasoning_effort": ("/v1/chat/completions", {"reasoning_effort": "none"}),
    "reasoning.effort": ("/v1/responses", {"reasoning": {"effort": "none"}}),
    "thinking.type": ("/v1/messages", {"thinking": {"type": "disabled"}}),
}


@pytest.mark.capability("Reasoning", "a request turns thinking off, and on again")
@streamed
@pytest.mark.parametrize("way", WITHOUT_THINKING)
def test_a_request_can_do_without_thinking(server: xlc.Server, door: OpenDoor, way: str, is_streamed: bool) -> None:
    path, options = WITHOUT_THINKING[way]
    generated = generate(door(server), path, "What was it?", is_streamed=is_streamed, **options)
    assert (generated.thought, generated.text) == ("", ANSWER)


@pytest.mark.capability("Reasoning", "enable_reasoning of a server: off, on, as the template has it")
@pytest.mark.parametrize(("enable_reasoning", "thought"), [(-1, THOUGHT), (0, ""), (1, THOUGHT)])
def test_a_server_thinks_or_does_not(thinking: MakeParams, door: OpenDoor, enable_reasoning: int, thought: str) -> None:
    with xlc.Server(thinking(enable_reasoning=enable_reasoning)) as server:
        opened = door(server)
        for path in CHATS:
            assert generate(opened, path, "What was it?") == _as_ended(path, thought)
        turned = generate(
            opened,
            "/v1/chat/completions",
            "What was it?",
            chat_template_kwargs={"enable_thinking": not thought},
        )
        assert turned.thought == ("" if thought else THOUGHT)


def _as_ended(path: str, thought: str) -> Generated:
    ending = {"/v1/chat/completions": "stop", "/v1/responses": "completed", "/v1/messages": "end_turn"}[path]
    return Generated(ANSWER, thought, ending)


def _budget(path: str, tokens: int) -> dict[str, Any]:
    if path == "/v1/messages":
        return {"thinking": {"type": "enabled", "budget_tokens": tokens}}
    return {"reasoning_budget_tokens": tokens}


BUDGETS = {0: "", 1: "The", 3: "The question is", 9: "The question is easy, so I think briefly", 100: THOUGHT}


@pytest.mark.capability("Reasoning", "the budget of a request ends the thought")
@streamed
@chats
@pytest.mark.parametrize("tokens", BUDGETS)
def test_the_budget_of_a_request_ends_the_thought(
    server: xlc.Server, door: OpenDoor, path: str, tokens: int, is_streamed: bool
) -> None:
    generated = generate(door(server), path, "What was it?", is_streamed=is_streamed, **_budget(path, tokens))
    assert (generated.thought, generated.text) == (BUDGETS[tokens], ANSWER)


@pytest.mark.capability("Reasoning", "the budget of a request ends the thought")
@pytest.mark.parametrize("name", ["reasoning_budget_tokens", "reasoning_budget", "thinking_budget_tokens"])
def test_a_budget_goes_by_several_names(server: xlc.Server, door: OpenDoor, name: str) -> None:
    generated = generate(door(server), "/v1/chat/completions", "What was it?", **{name: 3})
    assert generated.thought == BUDGETS[3]


@pytest.mark.capability("Reasoning", "the budget of a server ends the thought")
@pytest.mark.parametrize("fields", [{"reasoning_budget": 3}, {"sampling": {"reasoning_budget_tokens": 3}}])
def test_the_budget_of_a_server_holds_where_a_request_has_none(
    thinking: MakeParams, door: OpenDoor, fields: dict[str, Any]
) -> None:
    with xlc.Server(thinking(**fields)) as server:
        opened = door(server)
        for path in CHATS:
            assert generate(opened, path, "What was it?").thought == BUDGETS[3]
            assert generate(opened, path, "What was it?", **_budget(path, -1)).thought == BUDGETS[3]
            assert generate(opened, path, "What was it?", is_streamed=True, **_budget(path, 1)).thought == BUDGETS[1]
            assert generate(opened, path, "What was it?", **_budget(path, 9)).thought == BUDGETS[9]


@pytest.mark.capability("Reasoning", "what is said where a budget ends the thought")
def test_a_message_is_thought_last_where_the_budget_ends(thinking: MakeParams, door: OpenDoor) -> None:
    message = " I think briefly."
    path = "/v1/chat/completions"
    made = thinking()
    made.sampling.reasoning_budget_message = message
    with xlc.Server(made) as server:
        opened = door(server)
        ended = generate(opened, path, "What was it?", reasoning_budget_tokens=3)
        assert " ".join(ended.thought.split()) == BUDGETS[3] + message
        own = generate(opened, path, "What was it?", reasoning_budget_tokens=3, reasoning_budget_message=".")
        assert "".join(own.thought.split()) == "Thequestionis."
        assert own.text == ended.text == ANSWER


@pytest.mark.capability("Reasoning", "a thought is ended from outside")
def test_a_thought_is_ended_from_outside(server: xlc.Server, door: OpenDoor) -> None:
    # Without its full stop the thought goes round and round.
    body = {
        "messages": [{"role": "user", "content": "What was it?"}],
        "logit_bias": {".": False},
        "ignore_eos": True,
        "max_tokens": 900,
        "reasoning_control": True,
        "stream": True,
    }
    opened = door(server)
    deltas: list[Any] = []
    with server.request("POST", "/v1/chat/completions", body) as stream:
        for chunk in stream:
            deltas += [choice["delta"] for choice in chunk["choices"]]
            if len(deltas) == 5:
                told = opened.ask("/v1/chat/completions/control", {"id": chunk["id"], "action": "reasoning_end"})
                assert told == {"success": True}
    thoughts = [delta for delta in deltas if delta.get("reasoning_content")]
    texts = [delta for delta in deltas if delta.get("content")]
    assert len(thoughts) > 3
    assert len(texts) > 3


@pytest.mark.capability("Reasoning", "a thought that is begun goes on: prefill")
@streamed
def test_a_thought_that_is_begun_goes_on(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    messages = [
        {"role": "user", "content": "What was it?"},
        {"role": "assistant", "content": "", "reasoning_content": "So it"},
    ]
    generated = generate(door(server), "/v1/chat/completions", "", is_streamed=is_streamed, messages=messages)
    # The model has its answer for anything that it has not thought itself. Nothing has ended the thought, so it is one.
    assert generated == Generated("", f"So it{ANSWER}", "stop")


@pytest.mark.capability("Reasoning", "earlier thoughts reach the template")
def test_earlier_thoughts_reach_the_template(server: xlc.Server, door: OpenDoor) -> None:
    messages = [
        {"role": "user", "content": "What was it?"},
        {"role": "assistant", "content": ANSWER, "reasoning_content": THOUGHT},
        {"role": "user", "content": "Why?"},
    ]
    prompt = door(server).ask("/apply-template", {"messages": messages})["prompt"]
    assert f"<think>{THOUGHT}</think>{ANSWER}" in prompt


@pytest.mark.capability("Reasoning", "bad values are refused by name")
@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        (
            "/v1/chat/completions",
            {"reasoning_format": "deepthought"},
            'reasoning_format: expected one of none, auto, deepseek, deepseek-legacy, got "deepthought"',
        ),
        (
            "/v1/chat/completions",
            {"reasoning_budget_tokens": -2},
            "reasoning_budget_tokens: expected a whole number of at least -1, got -2",
        ),
        (
            "/v1/chat/completions",
            {"thinking_budget_tokens": "long"},
            'thinking_budget_tokens: expected a whole number of at least -1, got "long"',
        ),
        (
            "/v1/messages",
            {"thinking": {"type": "enabled", "budget_tokens": 0.5}},
            "thinking.budget_tokens: expected a whole number of at least -1, got 0.5",
        ),
        ("/v1/messages", {"thinking": True}, "thinking: expected an object"),
        ("/v1/chat/completions", {"chat_template_kwargs": "x"}, "chat_template_kwargs: expected an object"),
        (
            "/v1/chat/completions",
            {"chat_template_kwargs": {"enable_thinking": 5}},
            "chat_template_kwargs.enable_thinking: expected true or false, got 5",
        ),
        ("/v1/chat/completions", {"reasoning_effort": 5}, "reasoning_effort: expected a string"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, path: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        generate(door(server), path, "What was it?", **options)
    assert caught.value.status == 400
    assert message in str(caught.value)
