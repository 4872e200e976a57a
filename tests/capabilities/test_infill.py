"""Filling in a gap: what stands before it, what stands after it, and what else is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor

_PREFIX, _SUFFIX, _MIDDLE = "<|before|>", "<|after|>", "<|between|>"
_BODY = {"input_prefix": "the inn ", "input_suffix": " on the other", "n_predict": 8, "temperature": 0}


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model that fills in. What else is known has room where the context is larger than a batch."""
    with xlc.Server(params(models.tiny(models.TINY_FIM), n_ctx=512, n_parallel=1, n_batch=128)) as server:
        yield server


def read(opened: Door, **options: Any) -> str:
    """Return what the model was given to read: the gap's sides in their order."""
    return str(opened.ask("/infill", {**_BODY, **options})["prompt"]).removeprefix("<s>")


@pytest.mark.capability("Infill", "a gap is filled in, from both of its sides")
def test_a_gap_is_filled_in_from_both_of_its_sides(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    answer = opened.ask("/infill", _BODY)
    chunks = opened.stream("/infill", _BODY)
    assert (answer["tokens_predicted"], answer["stop_type"]) == (8, "limit")
    assert "".join(chunk["content"] for chunk in chunks) == answer["content"]
    others = [opened.ask("/infill", {**_BODY, side: "in an inn"}) for side in ("input_prefix", "input_suffix")]
    assert len({answer["content"], *(other["content"] for other in others)}) == 3


@pytest.mark.capability("Infill", "a gap is filled in, from both of its sides")
def test_the_model_reads_prefix_and_suffix_and_then_the_middle(server: xlc.Server, door: OpenDoor) -> None:
    text = read(door(server))
    before, _, rest = text.partition(_SUFFIX)
    after, middle, nothing = rest.partition(_MIDDLE)
    assert (before.removeprefix(_PREFIX).strip(), after.strip()) == ("the inn", "on the other")
    assert (middle, nothing) == (_MIDDLE, "")


@pytest.mark.capability("Infill", "prompt: how the filling begins")
def test_the_filling_begins_with_the_prompt(server: xlc.Server, door: OpenDoor) -> None:
    assert "the inn  and an" in read(door(server), prompt="and an").replace(_SUFFIX, " ")


@pytest.mark.capability("Infill", "input_extra: other files")
def test_other_files_are_read_first(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    extra = [{"filename": "a.py", "text": "an axe"}, {"text": "a hat"}]
    text = read(opened, input_extra=extra)
    assert text.index("an axe") < text.index("a hat") < text.index("the inn")
    answers = [opened.ask("/infill", {**_BODY, "input_extra": some})["content"] for some in ([], extra)]
    assert answers[0] != answers[1]


@pytest.mark.capability("Infill", "spm_infill: the suffix first")
def test_the_suffix_comes_first_where_a_model_wants_it_so(params: MakeParams, door: OpenDoor) -> None:
    made = params(models.tiny(models.TINY_FIM), n_ctx=512, n_parallel=1, spm_infill=True)
    with xlc.Server(made) as server:
        text = read(door(server))
    assert text.index(_SUFFIX) < text.index("on the other") < text.index(_PREFIX) < text.index("the inn")


@pytest.mark.capability("Infill", "the options of generation hold")
def test_the_options_of_generation_hold(server: xlc.Server, door: OpenDoor) -> None:
    opened = door(server)
    forced = opened.ask("/infill", {**_BODY, "grammar": 'root ::= "on an axe"'})
    assert forced["content"] == "on an axe"
    stopped = opened.ask("/infill", {**_BODY, "grammar": 'root ::= "on an axe"', "stop": ["an"]})
    assert (stopped["content"], stopped["stop_type"]) == ("on ", "word")
    assert len(opened.ask("/infill", {**_BODY, "n_probs": 3})["completion_probabilities"]) == 8


@pytest.mark.capability("Infill", "a model without the tokens for it: 501")
def test_a_model_without_the_tokens_for_it_says_so(params: MakeParams, door: OpenDoor) -> None:
    made = params(models.tiny(models.TINY), n_ctx=256, n_parallel=1)
    with xlc.Server(made) as server, pytest.raises(xlc.RequestError, match="prefix token is missing") as caught:
        door(server).ask("/infill", _BODY)
    assert (caught.value.status, caught.value.type) == (501, "not_supported_error")


@pytest.mark.capability("Infill", "bad values are refused by name")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_prefix": None}, "input_prefix: expected the text on that side of the gap, got null"),
        ({"input_suffix": 5}, "input_suffix: expected the text on that side of the gap, got 5"),
        ({"prompt": ["a"]}, 'prompt: expected a string, with which the filling begins, got ["a"]'),
        ({"input_extra": "a"}, '"input_extra" must be an array'),
        ({"input_extra": [{"filename": "a.py"}]}, '"text" field'),
        ({"input_extra": [{"filename": 5, "text": "a"}]}, '"filename" field must be a string'),
        ({"n_predict": -2}, "n_predict: expected a whole number of at least -1, got -2"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(xlc.RequestError) as caught:
        door(server).ask("/infill", {**_BODY, **options})
    assert caught.value.status == 400
    assert message in str(caught.value)
