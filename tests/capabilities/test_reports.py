"""What an answer tells besides its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import MakeParams, OpenDoor

_BODY = {"prompt": "the inn", "n_predict": 5, "temperature": 0}


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a tiny model in small batches: a prompt takes several."""
    made = params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, n_batch=32, n_ubatch=32)
    with xlc.Server(made) as server:
        yield server


@pytest.mark.capability("Reports", "return_tokens")
def test_the_tokens_of_an_answer_can_be_had(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    answer = opened.ask("/completion", {**_BODY, "return_tokens": True})
    assert len(answer["tokens"]) == 5
    assert opened.ask("/detokenize", {"tokens": answer["tokens"]})["content"] == answer["content"]
    assert opened.ask("/completion", _BODY)["tokens"] == []
    streamed = [token for chunk in opened.stream("/completion", _BODY) for token in chunk["tokens"]]
    assert streamed == answer["tokens"]


@pytest.mark.capability("Reports", "timings, and timings_per_token")
@pytest.mark.parametrize("path", ["/completion", "/v1/completions", "/v1/chat/completions"])
def test_times_come_at_the_end_or_with_every_token(server: xlc.Server, door: OpenDoor, path: str) -> None:
    opened = door(server)
    body = {**_BODY, "messages": [{"role": "user", "content": "the inn"}]} if "chat" in path else _BODY
    assert opened.ask(path, body)["timings"]["predicted_n"] == 5
    at_the_end = [chunk for chunk in opened.stream(path, body) if "timings" in chunk]
    assert [chunk["timings"]["predicted_n"] for chunk in at_the_end] == [5]
    with_each = [chunk for chunk in opened.stream(path, {**body, "timings_per_token": True}) if "timings" in chunk]
    counts = [chunk["timings"]["predicted_n"] for chunk in with_each]
    assert sorted(set(counts)) == [1, 2, 3, 4, 5]


@pytest.mark.capability("Reports", "return_progress: how far a prompt is")
@pytest.mark.parametrize("path", ["/completion", "/v1/completions", "/v1/chat/completions"])
def test_a_stream_tells_how_far_the_prompt_is(server: xlc.Server, door: OpenDoor, path: str) -> None:
    text = "on the other inn an axe " * 6
    body = {**_BODY, "cache_prompt": False, "return_progress": True, "prompt": text}
    if "chat" in path:
        body["messages"] = [{"role": "user", "content": text}]
    chunks = door(server).stream(path, body)
    progress = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    done = [one["processed"] for one in progress]
    assert len(done) > 2
    assert done == sorted(done)
    assert done[-1] == progress[-1]["total"]
    assert not any("prompt_progress" in chunk for chunk in chunks[len(progress) + 1 :])


@pytest.mark.capability("Reports", "response_fields: a part of an answer")
def test_an_answer_can_be_cut_down_to_some_fields(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    fields = ["content", "generation_settings/n_predict", "no/such", "timings/predicted_n"]
    answer = opened.ask("/completion", {**_BODY, "response_fields": fields})
    assert answer == {
        "content": opened.ask("/completion", _BODY)["content"],
        "generation_settings/n_predict": 5,
        "timings/predicted_n": 5,
    }


@pytest.mark.capability("Reports", "generation_settings: what a request came to")
def test_an_answer_tells_the_settings_that_the_request_came_to(server: xlc.Server, door: OpenDoor) -> None:
    asked = {"top_k": 7, "min_p": 0.25, "seed": 42, "repeat_penalty": 1.5, "samplers": ["top_k", "min_p"]}
    settings = door(server).ask("/completion", {**_BODY, **asked})["generation_settings"]
    assert {name: settings[name] for name in asked} == asked


@pytest.mark.capability("Reports", "bad values are refused by name")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"return_tokens": 5}, "'return_tokens'"),
        ({"timings_per_token": "x"}, "'timings_per_token'"),
        ({"return_progress": []}, "'return_progress'"),
        ({"response_fields": "content"}, "response_fields: expected a list of strings"),
        ({"response_fields": [5]}, "response_fields.0: expected a string, got 5"),
        ({"stream_options": {"include_usage": 5}}, "'include_usage'"),
        ({"stream": "yes"}, "'stream'"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        door(server).ask("/completion", {**_BODY, **options})
    assert caught.value.status == 400
    assert message in str(caught.value)
