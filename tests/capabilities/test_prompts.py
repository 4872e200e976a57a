"""What a request may give to read: texts, tokens, both, several of them, a chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor, streamed

_GREEDY = {"temperature": 0, "max_tokens": 6}

completions = pytest.mark.parametrize("path", ["/completion", "/v1/completions"])


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a tiny model with a chat template, in two slots."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=1024, n_parallel=2)) as server:
        yield server


def tokens_of(opened: Door, text: str, *, add_special: bool = True) -> list[int]:
    tokens: list[int] = opened.ask("/tokenize", {"content": text, "add_special": add_special})["tokens"]
    return tokens


def complete(opened: Door, path: str, prompt: Any, *, is_streamed: bool = False) -> list[str]:
    """Return the text for each prompt."""
    body = {"prompt": prompt, **_GREEDY}
    answers = opened.stream(path, body) if is_streamed else opened.ask(path, body)
    texts: dict[int, str] = {}
    for answer in answers if isinstance(answers, list) else [answers]:
        for part in answer.get("choices", [answer]):
            texts[part["index"]] = texts.get(part["index"], "") + part.get("text", part.get("content"))
    return [texts[index] for index in sorted(texts)]


@pytest.mark.capability("Prompts", "a text, its tokens, or both mixed")
@streamed
@completions
def test_tokens_stand_for_their_text(server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool) -> None:
    opened = door(server)
    whole = tokens_of(opened, "the inn on the other")
    [text] = complete(opened, path, "the inn on the other")
    assert complete(opened, path, whole, is_streamed=is_streamed) == [text]
    mixed = ["the inn", *tokens_of(opened, " on the other", add_special=False)]
    read = opened.ask("/completion", {"prompt": mixed, "n_predict": 1})["prompt"]
    assert " ".join(read.removeprefix("<s>").split()) == "the inn on the other"
    assert complete(opened, path, mixed, is_streamed=is_streamed) == complete(opened, path, mixed)


@pytest.mark.capability("Prompts", "several prompts in one request")
@streamed
@completions
def test_several_prompts_are_answered_in_their_order(
    server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool
) -> None:
    opened = door(server)
    prompts = ["the inn", tokens_of(opened, "on the other"), ["an ", *tokens_of(opened, "axe")], "a hat", "re"]
    single = [complete(opened, path, [prompt])[0] for prompt in prompts]
    assert len(set(single)) == len(prompts)
    assert complete(opened, path, prompts, is_streamed=is_streamed) == single


@pytest.mark.capability("Prompts", "an empty prompt")
@completions
@pytest.mark.parametrize("prompt", ["", [""]])
def test_an_empty_prompt_is_the_beginning_of_a_text(server: xlc.Server, door: OpenDoor, path: str, prompt: Any) -> None:
    opened = door(server)
    [text] = complete(opened, path, prompt)
    assert complete(opened, path, tokens_of(opened, "")) == [text]


@pytest.mark.capability("Prompts", "an object with prompt_string")
def test_a_prompt_may_be_an_object(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    expected = complete(opened, "/completion", "the inn")
    assert complete(opened, "/completion", {"prompt_string": "the inn"}) == expected


@pytest.mark.capability("Prompts", "bad prompts are refused")
@completions
@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (None, "prompt"),
        ([], '"prompt" must not be empty'),
        (5, "prompt"),
        ({}, '"prompt" elements must be a string'),
        ([True], '"prompt" elements must be a string'),
        ([-1], "prompt.0: expected a token, a whole number from 0 to 296, got -1"),
        (["a", 297], "prompt.1: expected a token, a whole number from 0 to 296, got 297"),
        ([[1, 5], [2**32 + 5]], "prompt.1.0: expected a token, a whole number from 0 to 296, got 4294967301"),
        ([1.5], "prompt.0: expected a token"),
        ({"prompt_string": "a", "multimodal_data": ["x"]}, "does not support multimodal"),
    ],
)
def test_a_prompt_that_is_none_is_refused(
    server: xlc.Server, door: OpenDoor, path: str, prompt: Any, message: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        complete(door(server), path, prompt)
    assert caught.value.status == 400
    assert message in str(caught.value)


@pytest.mark.capability("Prompts", "what a completion cannot do is refused: echo, suffix")
@pytest.mark.parametrize(
    ("options", "message"),
    [({"echo": True}, "echo: expected false"), ({"suffix": "end"}, "suffix: expected none: a text with a gap is")],
)
def test_what_a_completion_cannot_do_is_refused(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], message: str
) -> None:
    opened = door(server)
    opened.ask("/v1/completions", {"prompt": "a", "max_tokens": 1, "echo": False, "suffix": ""})
    with pytest.raises(xlc.RequestError, match=message):
        opened.ask("/v1/completions", {"prompt": "a", "max_tokens": 1, **options})


@pytest.mark.capability("Prompts", "/apply-template: a chat as the model reads it")
def test_the_template_shows_what_a_chat_becomes(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "the inn"}]
    prompt = opened.ask("/apply-template", {"messages": messages})["prompt"]
    assert prompt == "system: Be brief.\nuser: the inn\nassistant: "
    without = opened.ask("/apply-template", {"messages": messages, "add_generation_prompt": False})["prompt"]
    assert without == "system: Be brief.\nuser: the inn\n"
    chat = opened.ask("/v1/chat/completions", {"messages": messages, **_GREEDY})
    assert complete(opened, "/completion", prompt) == [chat["choices"][0]["message"]["content"]]


@pytest.mark.capability("Prompts", "an assistant's message at the end goes on: prefill, echo")
@streamed
def test_an_answer_that_is_begun_goes_on(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    opened = door(server)
    messages = [{"role": "user", "content": "the inn"}, {"role": "assistant", "content": "on the"}]
    prompt = opened.ask("/apply-template", {"messages": messages})["prompt"]
    assert prompt == "user: the inn\nassistant: on the"
    [rest] = complete(opened, "/completion", prompt)

    def answered(**options: Any) -> str:
        body = {"messages": messages, **_GREEDY, **options}
        if not is_streamed:
            return str(opened.ask("/v1/chat/completions", body)["choices"][0]["message"]["content"])
        chunks = opened.stream("/v1/chat/completions", body)
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)

    assert answered() == "on the" + rest
    going_on = {"continue_final_message": True, "add_generation_prompt": False}
    assert answered(**going_on, echo=True) == "on the" + rest
    # Asked for by name, a stream only adds to what there is.
    assert answered(**going_on) == (rest if is_streamed else "on the" + rest)


@pytest.mark.capability("Prompts", "/apply-template: a chat as the model reads it")
@pytest.mark.parametrize("body", [{}, {"messages": 5}, {"messages": [{"role": "user"}]}])
def test_a_chat_that_is_none_is_refused(server: xlc.Server, door: OpenDoor, body: dict[str, Any]) -> None:
    with pytest.raises(xlc.RequestError, match=r"messages|content") as caught:
        door(server).ask("/apply-template", body)
    assert caught.value.status == 400
