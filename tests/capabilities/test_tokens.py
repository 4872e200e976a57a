"""Texts to tokens and back, and what a chat becomes before it is read."""

from __future__ import annotations

import pytest

import models
import xllamacpp as xlc

TEXTS = ["the inn", "Ünïcödé 🦙 llama", "line\n\tline", "", "</s>", "a" * 500]


def capability(name):
    return pytest.mark.capability("Tokens and templates", name)


@pytest.fixture(scope="module")
def tiny(params):
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@capability("tokenize and detokenize")
@pytest.mark.parametrize("text", TEXTS)
def test_tokens_make_up_the_text_again(demo_server, door, text):
    opened = door(demo_server)
    tokens = opened.ask("/tokenize", {"content": text})["tokens"]
    assert opened.ask("/detokenize", {"tokens": tokens}) == {"content": text}


@capability("tokenize: pieces")
def test_pieces_make_up_the_text(demo_server, door):
    opened = door(demo_server)
    text = "Ünïcödé 🦙 llama"
    tokens = opened.ask("/tokenize", {"content": text, "with_pieces": True})["tokens"]
    assert [token["id"] for token in tokens] == opened.ask("/tokenize", {"content": text})["tokens"]
    # A piece of a character comes as its bytes.
    assert any(isinstance(token["piece"], list) for token in tokens)
    pieces = [token["piece"].encode() if isinstance(token["piece"], str) else bytes(token["piece"]) for token in tokens]
    assert b"".join(pieces).decode() == text


@capability("tokenize: special tokens")
def test_special_tokens_are_added_and_read_as_asked(tiny, door):
    opened = door(tiny)
    plain = opened.ask("/tokenize", {"content": "the inn"})["tokens"]
    assert opened.ask("/tokenize", {"content": "the inn", "add_special": True})["tokens"] == [1, *plain]
    assert opened.ask("/tokenize", {"content": "</s>"})["tokens"] == [2]
    spelt = opened.ask("/tokenize", {"content": "</s>", "parse_special": False})["tokens"]
    assert len(spelt) > 1


@capability("tokenize: a mix of texts and tokens")
def test_texts_and_tokens_are_mixed(tiny, door):
    opened = door(tiny)
    first, second = (opened.ask("/tokenize", {"content": text})["tokens"] for text in ("the", "inn"))
    assert opened.ask("/tokenize", {"content": ["the", 5, "inn"]})["tokens"] == [*first, 5, *second]


@capability("what is no token")
@pytest.mark.parametrize("token", [297, -1, 2**31 - 1, 2**40])
@pytest.mark.parametrize(("path", "field"), [("/detokenize", "tokens"), ("/tokenize", "content")])
def test_a_number_that_is_no_token_is_refused(tiny, door, path, field, token):
    with pytest.raises(xlc.RequestError) as caught:
        door(tiny).ask(path, {field: [5, token], "with_pieces": True})
    assert caught.value.status == 400
    assert str(caught.value) == f"{field}.1: expected a token, a whole number from 0 to 296, got {token}"


@capability("what is no token")
@pytest.mark.parametrize("token", [297, -1, 2**31 - 1])
@pytest.mark.parametrize("path", ["/completion", "/v1/completions"])
def test_a_prompt_with_a_number_that_is_no_token_is_refused(tiny, door, path, token):
    with pytest.raises(xlc.RequestError, match="expected a token") as caught:
        door(tiny).ask(path, {"prompt": [5, token]})
    assert caught.value.status == 400


@capability("apply-template")
def test_a_template_shows_the_prompt_that_a_chat_is_read_as(demo_server, door):
    opened = door(demo_server)
    body = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]}
    prompt = opened.ask("/apply-template", body)["prompt"]
    assert prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )
    whole = opened.ask("/v1/chat/completions", {**body, "max_tokens": 8, "temperature": 0})
    told = opened.ask("/v1/completions", {"prompt": prompt, "max_tokens": 8, "temperature": 0})
    assert told["choices"][0]["text"] == whole["choices"][0]["message"]["content"]
    assert told["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"]


@capability("apply-template")
def test_a_template_leaves_the_last_message_open_where_it_is_the_assistants(demo_server, door):
    body = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Well"}]}
    assert door(demo_server).ask("/apply-template", body)["prompt"].endswith("<|im_start|>assistant\nWell")


@capability("token counts")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}),
        ("/v1/responses", {"input": "Hello", "max_output_tokens": 1}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}),
    ],
)
def test_tokens_are_counted_before_they_are_read(demo_server, door, path, body):
    opened = door(demo_server)
    counting = f"{path}/{'count' if 'messages' in path else 'input'}_tokens"
    usage = opened.ask(path, body)["usage"]
    read = usage.get("prompt_tokens") or usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)
    assert opened.ask(counting, body)["input_tokens"] == read
