"""How likely each token was, and what else might have been said."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, isclose
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor, streamed

_TOKENS = 5
_VOCABULARY = 297


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model whose whole vocabulary can be looked at."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


def native(opened: Door, *, is_streamed: bool, **options: Any) -> tuple[str, list[Any]]:
    """Return a text of llama.cpp's own route, and what is reported of each token."""
    body = {"prompt": "the inn", "n_predict": _TOKENS, "seed": 1, **options}
    if not is_streamed:
        answer = opened.ask("/completion", body)
        return answer["content"], answer["completion_probabilities"]
    chunks = opened.stream("/completion", body)
    reports = [report for chunk in chunks for report in chunk.get("completion_probabilities", [])]
    return "".join(chunk["content"] for chunk in chunks), reports


@pytest.mark.capability("Probabilities", "n_probs: the likeliest tokens at each place")
@streamed
def test_each_token_comes_with_the_likeliest_ones(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    text, reports = native(door(server), is_streamed=is_streamed, n_probs=4, temperature=0)
    assert len(reports) == _TOKENS
    assert bytes(byte for report in reports for byte in report["bytes"]).decode() == text
    for report in reports:
        top = report["top_logprobs"]
        logs = [token["logprob"] for token in top]
        assert len(top) == 4
        assert logs == sorted(logs, reverse=True)
        assert 0 < sum(map(exp, logs)) < 1
        # The likeliest one is what was said.
        assert {name: top[0][name] for name in ("id", "token", "logprob")} == {
            name: report[name] for name in ("id", "token", "logprob")
        }


@pytest.mark.capability("Probabilities", "n_probs: the likeliest tokens at each place")
@streamed
def test_the_whole_vocabulary_adds_up_to_one(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    _, reports = native(door(server), is_streamed=is_streamed, n_probs=_VOCABULARY, n_predict=2)
    assert len(reports) == 2
    for report in reports:
        assert {token["id"] for token in report["top_logprobs"]} == set(range(_VOCABULARY))
        assert isclose(sum(exp(token["logprob"]) for token in report["top_logprobs"]), 1, abs_tol=1e-4)


@pytest.mark.capability("Probabilities", "before sampling: temperature and samplers change nothing")
def test_samplers_do_not_change_what_the_model_gave(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    tops = [
        native(opened, is_streamed=False, n_probs=3, n_predict=1, **more)[1][0]["top_logprobs"]
        for more in ({}, {"temperature": 3}, {"top_k": 1}, {"logit_bias": [["m", False]]})
    ]
    assert all(top == tops[0] for top in tops)


@pytest.mark.capability("Probabilities", "post_sampling_probs: what the samplers left")
@streamed
def test_after_sampling_only_what_was_left_has_a_probability(
    server: xlc.Server, door: OpenDoor, is_streamed: bool
) -> None:
    options = {"n_probs": 10, "post_sampling_probs": True, "top_k": 3, "top_p": 1, "min_p": 0, "temperature": 2}
    text, reports = native(door(server), is_streamed=is_streamed, **options)
    assert len(reports) == _TOKENS
    assert text
    for report in reports:
        top = report["top_probs"]
        assert len(top) == 3
        assert isclose(sum(token["prob"] for token in top), 1, abs_tol=1e-4)
        assert report["prob"] == next(token["prob"] for token in top if token["id"] == report["id"])


def test_a_greedy_choice_is_certain_after_sampling(server: xlc.Server, door: OpenDoor) -> None:
    _, reports = native(door(server), is_streamed=False, n_probs=5, post_sampling_probs=True, temperature=0)
    assert [[token["prob"] for token in report["top_probs"]] for report in reports] == [[1.0]] * _TOKENS


@pytest.mark.capability("Probabilities", "logprobs and top_logprobs of a chat")
@streamed
def test_a_chat_reports_probabilities_as_openai_does(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    body = {
        "messages": [{"role": "user", "content": "the inn"}],
        "max_tokens": _TOKENS,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 2,
    }
    opened = door(server)
    if is_streamed:
        choices = [chunk["choices"][0] for chunk in opened.stream("/v1/chat/completions", body)]
        text = "".join(choice["delta"].get("content") or "" for choice in choices)
        reports = [report for choice in choices for report in (choice.get("logprobs") or {}).get("content", [])]
    else:
        [choice] = opened.ask("/v1/chat/completions", body)["choices"]
        text, reports = choice["message"]["content"], choice["logprobs"]["content"]
    assert len(reports) == _TOKENS
    assert bytes(byte for report in reports for byte in report["bytes"]).decode() == text
    for report in reports:
        assert report["logprob"] <= 0
        assert [set(token) for token in report["top_logprobs"]] == [{"id", "token", "bytes", "logprob"}] * 2
        assert report["top_logprobs"][0]["token"] == report["token"]


@pytest.mark.capability("Probabilities", "logprobs and top_logprobs of a chat")
@pytest.mark.parametrize(("options", "count"), [({}, 20), ({"top_logprobs": None}, 20), ({"top_logprobs": 0}, 1)])
def test_a_chat_reports_its_own_tokens_whatever_top_logprobs_is(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], count: int
) -> None:
    body = {"messages": [{"role": "user", "content": "the inn"}], "max_tokens": 2, "logprobs": True, **options}
    [choice] = door(server).ask("/v1/chat/completions", body)["choices"]
    assert [len(report["top_logprobs"]) for report in choice["logprobs"]["content"]] == [count, count]


@pytest.mark.capability("Probabilities", "logprobs of a completion, in llama.cpp's form")
@streamed
def test_a_completion_reports_as_many_as_logprobs_says(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    body = {"prompt": "the inn", "max_tokens": _TOKENS, "temperature": 0, "logprobs": 3}
    opened = door(server)
    answers = opened.stream("/v1/completions", body) if is_streamed else [opened.ask("/v1/completions", body)]
    choices = [choice for answer in answers for choice in answer["choices"]]
    reports = [report for choice in choices for report in (choice["logprobs"] or {}).get("content", [])]
    assert [len(report["top_logprobs"]) for report in reports] == [3] * _TOKENS
    text = "".join(choice["text"] for choice in choices)
    assert bytes(byte for report in reports for byte in report["bytes"]).decode() == text


@pytest.mark.capability("Probabilities", "nothing is reported unless it is asked for")
@streamed
def test_nothing_is_reported_unless_it_is_asked_for(server: xlc.Server, door: OpenDoor, is_streamed: bool) -> None:
    opened = door(server)
    body = {"prompt": "the inn", "max_tokens": 2, "n_probs": 0}
    answers = opened.stream("/completion", body) if is_streamed else [opened.ask("/completion", body)]
    assert not any("completion_probabilities" in answer for answer in answers)
    answers = opened.stream("/v1/completions", body) if is_streamed else [opened.ask("/v1/completions", body)]
    assert all(choice["logprobs"] is None for answer in answers for choice in answer["choices"])


@pytest.mark.capability("Probabilities", "bad values are refused by name")
@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("/completion", {"n_probs": -1}, "n_probs: expected a whole number of at least 0, got -1"),
        ("/completion", {"n_probs": "x"}, 'n_probs: expected a whole number of at least 0, got "x"'),
        ("/completion", {"n_probs": 5000, "n_predict": -1}, "n_probs: expected 1000 or less, or an n_predict"),
        ("/v1/completions", {"logprobs": -1}, "logprobs: expected a whole number of at least 0, got -1"),
        ("/v1/chat/completions", {"logprobs": True, "top_logprobs": -1}, "top_logprobs: expected a whole number"),
        ("/v1/chat/completions", {"top_logprobs": 2}, "top_logprobs requires logprobs"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, path: str, options: dict[str, Any], message: str
) -> None:
    asked = {"messages": [{"role": "user", "content": "a"}]} if "chat" in path else {"prompt": "a"}
    with pytest.raises(xlc.RequestError) as caught:
        door(server).ask(path, {**asked, "max_tokens": 1, **options})
    assert caught.value.status == 400
    assert message in str(caught.value)
