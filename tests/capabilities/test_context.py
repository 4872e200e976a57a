"""The end of the context: an error, an end, or a shift."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor, streamed

_N_CTX = 256
_LONG = "Once upon a time there was a robot who counted the stars. " * 40


@pytest.fixture(scope="module")
def server(demo_model: Path, params: MakeParams) -> Iterator[xlc.Server]:
    """Serve the demo model with two slots of a small context."""
    with xlc.Server(params(demo_model, n_ctx=2 * _N_CTX, n_parallel=2)) as server:
        yield server


def _chat(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": _LONG}], "max_tokens": 8, **more}


LONG_REQUESTS = {
    "/completion": {"prompt": _LONG, "n_predict": 8},
    "/v1/completions": {"prompt": _LONG, "max_tokens": 8},
    "/v1/chat/completions": _chat(),
    "/v1/messages": _chat(),
    "/v1/responses": {"input": _LONG, "max_output_tokens": 8},
}


@pytest.mark.capability("Context", "a prompt that is too long is an error with the numbers")
@streamed
@pytest.mark.parametrize("path", LONG_REQUESTS)
def test_a_prompt_that_is_too_long_is_an_error_with_the_numbers(
    server: xlc.Server, door: OpenDoor, path: str, is_streamed: bool
) -> None:
    opened = door(server)
    send = opened.stream if is_streamed else opened.ask
    with pytest.raises(xlc.RequestError) as caught:
        send(path, LONG_REQUESTS[path])
    error = caught.value
    assert (error.status, error.type) == (400, "exceed_context_size_error")
    details = error.body["error"]
    assert details["n_ctx"] == _N_CTX
    assert details["n_prompt_tokens"] == _count(opened, path)
    assert f"({details['n_prompt_tokens']} tokens)" in str(error)
    assert f"({_N_CTX} tokens)" in str(error)
    assert opened.ask("/v1/completions", {"prompt": "Once", "max_tokens": 2})["usage"]["completion_tokens"] == 2


def _count(opened: Door, path: str) -> int:
    """Count the tokens of a request's prompt in another way."""
    prompt = _LONG
    if not path.endswith("completion") and path != "/v1/completions":
        prompt = opened.ask("/apply-template", {"messages": _chat()["messages"]})["prompt"]
    return len(opened.ask("/tokenize", {"content": prompt, "add_special": True})["tokens"])


@pytest.mark.capability("Context", "a prompt that is too long is an error with the numbers")
def test_a_text_to_embed_that_is_too_long_is_an_error(params: MakeParams, door: OpenDoor) -> None:
    made = params(models.tiny(models.TINY_ENCODER), n_ctx=64, n_parallel=1, embedding=True, n_batch=64, n_ubatch=64)
    with xlc.Server(made) as server, pytest.raises(xlc.RequestError) as caught:
        door(server).ask("/v1/embeddings", {"input": "the " * 200})
    assert 400 <= caught.value.status <= 500
    assert "tokens" in str(caught.value)


@pytest.fixture(scope="module")
def shifting(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model that never ends by itself, with one slot that forgets its oldest tokens."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=_N_CTX, n_parallel=1, ctx_shift=True)) as server:
        yield server


@pytest.mark.capability("Context", "an answer ends where the context does")
def test_an_answer_ends_where_the_context_does(params: MakeParams, door: OpenDoor) -> None:
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=_N_CTX, n_parallel=1)) as server:
        opened = door(server)
        answer = opened.ask("/completion", {"prompt": "once", "n_predict": -1})
        chunks = opened.stream("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]})
    assert answer["tokens_evaluated"] + answer["tokens_predicted"] == _N_CTX
    assert (answer["stop_type"], answer["truncated"]) == ("limit", True)
    assert [chunk for chunk in chunks if chunk["choices"]][-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.capability("Context", "ctx_shift forgets the oldest and goes on")
def test_a_shift_forgets_the_oldest_and_goes_on(shifting: xlc.Server, door: OpenDoor) -> None:
    opened = door(shifting)
    body = {"prompt": "once", "n_predict": 3 * _N_CTX}
    answer = opened.ask("/completion", body)
    assert (answer["tokens_predicted"], answer["truncated"]) == (3 * _N_CTX, True)
    assert opened.stream("/completion", body)[-1]["tokens_predicted"] == 3 * _N_CTX


def test_a_shift_makes_no_room_for_a_prompt(shifting: xlc.Server, door: OpenDoor) -> None:
    with pytest.raises(xlc.RequestError, match=rf"\({_N_CTX} tokens\)"):
        door(shifting).ask("/completion", {"prompt": _LONG, "n_predict": 4})


@pytest.mark.parametrize("options", [{"n_keep": -1}, {"n_keep": 10**6}, {"n_discard": 1}, {"n_discard": 10**6}])
def test_a_shift_bears_any_number(shifting: xlc.Server, door: OpenDoor, options: dict[str, int]) -> None:
    body = {"prompt": "once upon a time", "n_predict": 2 * _N_CTX, **options}
    assert door(shifting).ask("/completion", body)["tokens_predicted"] == 2 * _N_CTX
