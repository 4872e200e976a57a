"""Drafting: tokens are guessed, and several of them checked in one step. The text stays what it would have been."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import MakeParams, OpenDoor, streamed
from generated import COMPLETIONS, ROUTES, generate

TYPES = xlc.common_speculative_type

_PROMPT = "the inn on the other "
_GREEDY = {"temperature": 0, "max_tokens": 60}


@pytest.fixture(scope="module")
def made(params: MakeParams) -> MakeParams:
    """Make parameters for a server of TINY with one slot, so that no other request shares a batch."""

    def make(**fields: Any) -> xlc.CommonParams:
        return params(models.tiny(models.TINY), **{"n_ctx": 512, "n_parallel": 1, **fields})

    return make


@pytest.fixture(scope="module")
def plain(made: MakeParams) -> str:
    """Return the text without any drafts."""
    with xlc.Server(made()) as server:
        answer = server.request("POST", "/completion", {"prompt": _PROMPT, **_GREEDY})
    assert "draft_n" not in answer["timings"]
    return str(answer["content"])


@pytest.fixture(scope="module")
def drafting(made: MakeParams) -> Iterator[xlc.Server]:
    """Serve TINY with its draft model, by nothing but the draft's path."""
    served = made(speculative=drafts_of(models.TINY_DRAFT), endpoint_metrics=True, endpoint_slots=True)
    with xlc.Server(served) as server:
        yield server


def drafts_of(model: models.TinyModel, **draft: Any) -> dict[str, Any]:
    """Make the parameters of drafting with a model."""
    return {"draft": {"mparams": {"path": str(models.tiny(model))}, **draft}}


@pytest.fixture(scope="module")
def circling(params: MakeParams) -> MakeParams:
    """Make parameters for a server of a model whose n-grams come again."""

    def make(**fields: Any) -> xlc.CommonParams:
        return params(models.tiny(models.TINY_REASONING), **{"n_ctx": 512, "n_parallel": 1, **fields})

    return make


@dataclass(frozen=True)
class Circle:
    """A request whose text comes again and again, and that text."""

    body: dict[str, Any]
    text: str
    tokens: list[int]


@pytest.fixture(scope="module")
def circle(circling: MakeParams) -> Circle:
    """Find out what is said without any drafts."""
    # A model that cannot end its answer gives it again and again.
    body = {"prompt": "a", "ignore_eos": True, "return_tokens": True, **_GREEDY}
    with xlc.Server(circling()) as server:
        body["prompt"] = server.request("POST", "/completion", body)["tokens"]
        answer = server.request("POST", "/completion", body)
    assert answer["content"].count("It was forty-two!") > 5
    return Circle(body, answer["content"], answer["tokens"])


def drafted(answer: Any) -> tuple[int, int]:
    """Return how much was drafted for an answer, and how much of that was taken."""
    timings = answer["timings"]
    return timings.get("draft_n", 0), timings.get("draft_n_accepted", 0)


@pytest.mark.capability("Speculative decoding", "a draft model, by its path alone")
def test_the_path_of_a_draft_model_is_enough(drafting: xlc.Server, door: OpenDoor, plain: str) -> None:
    opened = door(drafting)
    answer = opened.ask("/completion", {"prompt": _PROMPT, **_GREEDY})
    assert answer["content"] == plain
    assert answer["generation_settings"]["speculative.types"] == "draft-simple"
    proposed, accepted = drafted(answer)
    assert proposed > accepted >= 0


@pytest.mark.capability("Speculative decoding", "a draft model, by its path alone")
def test_the_path_of_a_draft_model_has_an_older_name(made: MakeParams, door: OpenDoor, plain: str) -> None:
    older = made()
    older.speculative.mparams_dft.path = str(models.tiny(models.TINY_DRAFT))
    with xlc.Server(older) as server:
        answer = door(server).ask("/completion", {"prompt": _PROMPT, **_GREEDY})
    assert answer["content"] == plain
    assert drafted(answer)[0] > 0


@pytest.mark.capability("Speculative decoding", "drafts serve every route, whole and streamed")
@streamed
@pytest.mark.parametrize("path", ROUTES)
def test_every_route_says_the_same_with_drafts(
    drafting: xlc.Server, made: MakeParams, door: OpenDoor, path: str, is_streamed: bool
) -> None:
    limit = {"/v1/responses": "max_output_tokens"}.get(path, "max_tokens")
    options = {"temperature": 0, limit: 40}
    with xlc.Server(made()) as without:
        expected = generate(door(without), path, _PROMPT, **options)
    assert generate(door(drafting), path, _PROMPT, is_streamed=is_streamed, **options) == expected


@pytest.fixture(scope="module")
def story(demo_model: Path, params: MakeParams) -> tuple[dict[str, Any], Any]:
    """Return a request for a story, and the answer of a real model without drafts."""
    messages = [{"role": "user", "content": "Write a two sentence story about a robot."}]
    body = {"messages": messages, "temperature": 0, "max_tokens": 40}
    with xlc.Server(params(demo_model, n_ctx=512, n_parallel=1)) as server:
        return body, server.request("POST", "/v1/chat/completions", body)


@pytest.mark.capability("Speculative decoding", "a draft model of a real model: half of it is accepted")
def test_a_real_draft_is_accepted_about_half_of_the_time(
    demo_model: Path, params: MakeParams, door: OpenDoor, story: tuple[dict[str, Any], Any]
) -> None:
    body, expected = story
    made = params(demo_model, n_ctx=512, n_parallel=1)
    made.speculative.draft.mparams.path = str(models.derived(models.SMOLLM2_DRAFT))
    with xlc.Server(made) as server:
        answer = door(server).ask("/v1/chat/completions", body)
    assert answer["choices"] == expected["choices"]
    proposed, accepted = drafted(answer)
    assert 0.2 < accepted / proposed < 0.9


NGRAM_TYPES = {
    "ngram_simple": {"size_n": 3, "size_m": 6},
    "ngram_map_k": {"size_n": 3, "size_m": 6},
    "ngram_map_k4v": {"size_n": 3, "size_m": 6},
    "ngram_mod": {"n_match": 3, "n_min": 1},
    "ngram_cache": {},
}


@pytest.mark.capability("Speculative decoding", "n-grams: simple, map-k, map-k4v, mod, cache")
@pytest.mark.parametrize("name", NGRAM_TYPES)
def test_ngrams_draft_without_a_model(circling: MakeParams, door: OpenDoor, circle: Circle, name: str) -> None:
    with xlc.Server(circling(speculative={"types": [name], name: NGRAM_TYPES[name]})) as server:
        opened = door(server)
        for path in COMPLETIONS:
            answer = opened.ask(path, circle.body)
            assert circle.text == (answer["content"] if path == "/completion" else answer["choices"][0]["text"])
            proposed, accepted = drafted(answer)
            assert proposed >= accepted > 0
        assert "".join(chunk["content"] for chunk in opened.stream("/completion", circle.body)) == circle.text


@pytest.mark.capability("Speculative decoding", "n-grams from a file")
@pytest.mark.parametrize("kind", ["lookup_cache_static", "lookup_cache_dynamic"])
def test_ngrams_come_from_a_file(
    circling: MakeParams, door: OpenDoor, circle: Circle, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "known.ngrams"
    with file.open("wb") as known:
        for first, second, third in set(zip(circle.tokens, circle.tokens[1:], circle.tokens[2:], strict=False)):
            # Two tokens (of up to four), and one token that follows, ten times.
            known.write(struct.pack("=7i", first, second, -1, -1, 1, third, 10))
    made = circling(speculative={"types": ["ngram_cache"], "ngram_cache": {kind: str(file)}})
    with xlc.Server(made) as server:
        # A prompt from which nothing can be learnt.
        answer = door(server).ask("/completion", {**circle.body, "prompt": "a"})
    assert "It was forty-two!" in answer["content"]
    assert drafted(answer)[1] > 0


def test_every_type_of_ngram_is_tried() -> None:
    of_ngrams = {value for value in TYPES.__members__.values() if "NGRAM" in value.name}
    assert {TYPES[f"COMMON_SPECULATIVE_TYPE_{name.upper()}"] for name in NGRAM_TYPES} == of_ngrams


@pytest.mark.capability("Speculative decoding", "n-grams by the document's older names")
@pytest.mark.filterwarnings("ignore::xllamacpp.ParameterWarning")
def test_ngrams_go_by_their_older_names(circling: MakeParams, door: OpenDoor, circle: Circle) -> None:
    older = circling()
    older.speculative.type = TYPES.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE
    older.speculative.ngram_size_n = 3
    older.speculative.ngram_size_m = 6
    older.speculative.ngram_min_hits = 1
    with xlc.Server(older) as server:
        answer = door(server).ask("/completion", circle.body)
    assert answer["content"] == circle.text
    assert drafted(answer)[1] > 0


@pytest.mark.capability("Speculative decoding", "several ways to draft at once")
def test_several_ways_to_draft_go_together(circling: MakeParams, door: OpenDoor, circle: Circle) -> None:
    types = ["ngram_simple", "ngram_mod"]
    both = circling(speculative={"types": types, **{name: NGRAM_TYPES[name] for name in types}})
    with xlc.Server(both) as server:
        answer = door(server).ask("/completion", circle.body)
    assert answer["generation_settings"]["speculative.types"] == "ngram-simple,ngram-mod"
    assert answer["content"] == circle.text
    assert drafted(answer)[1] > 0


@pytest.mark.capability("Speculative decoding", "a draft model and n-grams at once")
def test_a_draft_model_and_ngrams_go_together(made: MakeParams, door: OpenDoor, plain: str) -> None:
    both = made(speculative={**drafts_of(models.TINY_DRAFT), "types": ["ngram_simple", "draft_simple"]})
    with xlc.Server(both) as server:
        answer = door(server).ask("/completion", {"prompt": _PROMPT, **_GREEDY})
    assert answer["generation_settings"]["speculative.types"] == "ngram-simple,draft-simple"
    assert answer["content"] == plain
    assert drafted(answer)[0] > 0


@pytest.mark.capability("Speculative decoding", "how much was accepted is reported: timings, /metrics, /slots")
def test_how_much_was_accepted_is_reported(drafting: xlc.Server, door: OpenDoor) -> None:
    opened = door(drafting)

    def counted() -> tuple[float, float]:
        lines = dict(line.rsplit(" ", 1) for line in opened.ask("/metrics").splitlines() if not line.startswith("#"))
        names = ("num_draft_tokens", "num_accepted_tokens")
        return tuple(float(lines[f"llamacpp:spec_decode_{name}_total"]) for name in names)

    before = counted()
    answer = opened.ask("/v1/completions", {"prompt": _PROMPT, **_GREEDY})
    after = counted()
    assert (after[0] - before[0], after[1] - before[1]) == drafted(answer)
    assert all(slot["speculative"] for slot in opened.ask("/slots"))


@pytest.mark.capability("Speculative decoding", "n_max and n_min of a server")
def test_a_server_says_how_long_drafts_are(made: MakeParams, door: OpenDoor, plain: str) -> None:
    counts = {}
    for n_max in (1, 8):
        with xlc.Server(made(speculative=drafts_of(models.TINY_DRAFT, n_max=n_max))) as server:
            answer = door(server).ask("/completion", {"prompt": _PROMPT, **_GREEDY})
        assert answer["content"] == plain
        counts[n_max] = drafted(answer)[0]
    assert counts[8] > 3 * counts[1]


@pytest.mark.capability("Speculative decoding", "speculative.* of a request: taken, checked, said to have no effect")
def test_a_request_cannot_change_the_drafts_and_is_told_so(
    drafting: xlc.Server, door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    opened = door(drafting)
    body = {"prompt": _PROMPT, **_GREEDY}
    as_set_up = drafted(opened.ask("/completion", body))
    tighter = {"speculative.draft.n_max": 1, "speculative.draft.p_min": 0.9}
    assert drafted(opened.ask("/completion", {**body, **tighter})) == as_set_up
    # Once for a process, and the other door was first.
    if opened.name == "Python":
        said = {record.getMessage().partition(" in a request has no effect")[0] for record in caplog.records}
        assert set(tighter) <= said
    with pytest.raises(xlc.RequestError, match=r"speculative.n_max: expected a whole number from 1 to 1024, got 0"):
        opened.ask("/completion", {**body, "speculative.n_max": 0})


@pytest.mark.capability("Speculative decoding", "grammar, stop and probabilities hold for drafted tokens")
def test_drafted_tokens_are_bound_like_others(drafting: xlc.Server, made: MakeParams, door: OpenDoor) -> None:
    body = {"prompt": _PROMPT, **_GREEDY}
    with xlc.Server(made()) as without:
        plain = door(without)
        stop = plain.ask("/completion", body)["content"][20:22]
        variants = [{"grammar": "root ::= [a-z ]+"}, {"stop": [stop]}, {"n_probs": 2}]
        expected = [plain.ask("/completion", {**body, **more}) for more in variants]
    opened = door(drafting)
    for more, wanted in zip(variants, expected, strict=True):
        answer = opened.ask("/completion", {**body, **more})
        assert answer["content"] == wanted["content"]
        assert drafted(answer)[0] > 0
    tokens = [[token["id"] for token in answer["completion_probabilities"]] for answer in (answer, wanted)]
    assert tokens[0] == tokens[1]


@pytest.mark.capability("Speculative decoding", "a draft that does not fit is refused")
def test_a_draft_of_another_vocabulary_is_refused(made: MakeParams) -> None:
    with pytest.raises(xlc.ParameterError, match="another vocabulary"):
        xlc.Server(made(speculative=drafts_of(models.TINY_OTHER_VOCABULARY)))
