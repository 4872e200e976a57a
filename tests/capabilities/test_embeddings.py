"""Texts become vectors: pooled, scaled, in batches, in each form that they can be asked for."""

from __future__ import annotations

import base64
import json
import math
import operator
import struct
from pathlib import Path
from typing import ClassVar

import pytest
from openai import OpenAI

import models
import xllamacpp as xlc

pytestmark = pytest.mark.capability("Embeddings", "vectors")

REFERENCE = json.loads(Path(models.__file__).with_name("minilm_vectors.json").read_text(encoding="utf-8"))["sentences"]
TEXT = "the inner thing"
POOLING = xlc.llama_pooling_type
BATCH = 64


@pytest.fixture(scope="module")
def serve(params):
    """Serve a model for embeddings; each set of fields once."""
    servers = {}

    def start(model=models.TINY_ENCODER, **fields):
        key = (model.name, str(fields))
        if key not in servers:
            path = models.derived(model) if isinstance(model, models.DerivedModel) else models.tiny(model)
            settings = {"n_ctx": 1024, "n_parallel": 2, "embedding": True, **fields}
            servers[key] = xlc.Server(params(path, **settings))
        return servers[key]

    yield start
    for server in servers.values():
        server.close()


def vectors(door, texts, **options):
    """Ask for vectors as OpenAI's clients do."""
    return [data["embedding"] for data in door.ask("/v1/embeddings", {"input": texts, **options})["data"]]


def token_vectors(door, text):
    """Ask for a vector for each token."""
    (answer,) = door.ask("/embeddings", {"content": text})
    return answer["embedding"]


def scaled(vector):
    return [number / math.hypot(*vector) for number in vector]


def near(vector, tolerance=1e-4):
    return pytest.approx(vector, abs=tolerance)


def refusal(door, path, body):
    with pytest.raises(xlc.RequestError) as caught:
        door.ask(path, body)
    return caught.value.status, str(caught.value)


@pytest.mark.capability("Embeddings", "those of the original model")
def test_real_model_agrees_with_the_original(serve, door):
    door = door(serve(models.MINILM, n_ctx=512, n_parallel=1))
    entries = REFERENCE[:4]
    for entry, vector in zip(entries, vectors(door, [entry["text"] for entry in entries]), strict=True):
        cosine = sum(map(operator.mul, vector, entry["vector"])) / math.hypot(*vector) / math.hypot(*entry["vector"])
        assert cosine >= 0.9999


class TestPooling:
    @pytest.fixture
    def tokens(self, serve, door):
        return token_vectors(door(serve(pooling_type=POOLING.LLAMA_POOLING_TYPE_NONE)), TEXT)

    @pytest.mark.capability("Embeddings", "pooling none: a vector for each token")
    def test_none_gives_each_token_a_vector(self, serve, door):
        door = door(serve(pooling_type=POOLING.LLAMA_POOLING_TYPE_NONE))
        count = len(door.ask("/tokenize", {"content": TEXT, "add_special": True})["tokens"])
        for path in ("/embedding", "/embeddings"):
            (answer,) = door.ask(path, {"input": TEXT})
            assert answer["index"] == 0
            assert [len(vector) for vector in answer["embedding"]] == [64] * count
        assert math.hypot(*answer["embedding"][0]) > 1.1, "those are not scaled"

    @pytest.mark.capability("Embeddings", "pooling mean, cls, last")
    @pytest.mark.parametrize(
        ("kind", "pooled"),
        [
            ("MEAN", lambda tokens: [sum(numbers) / len(numbers) for numbers in zip(*tokens, strict=True)]),
            ("CLS", lambda tokens: tokens[0]),
            ("LAST", lambda tokens: tokens[-1]),
        ],
    )
    def test_one_vector_is_made_of_the_tokens(self, serve, door, tokens, kind, pooled):
        (vector,) = vectors(door(serve(pooling_type=POOLING[f"LLAMA_POOLING_TYPE_{kind}"])), [TEXT])
        assert vector == near(scaled(pooled(tokens)))

    @pytest.mark.capability("Embeddings", "pooling mean, cls, last")
    def test_model_says_which_unless_the_parameters_do(self, serve, door):
        mean = serve(pooling_type=POOLING.LLAMA_POOLING_TYPE_MEAN)
        assert vectors(door(serve()), [TEXT])[0] == near(vectors(door(mean), [TEXT])[0])

    def test_openais_form_has_no_place_for_a_vector_for_each_token(self, serve, door):
        door = door(serve(pooling_type=POOLING.LLAMA_POOLING_TYPE_NONE))
        status, said = refusal(door, "/v1/embeddings", {"input": TEXT})
        assert status == 400
        assert "Pooling type 'none'" in said


class TestScale:
    """``embd_normalize``"""

    pytestmark = pytest.mark.capability("Embeddings", "normalisation")

    NORMS: ClassVar = {
        0: lambda vector: max(map(abs, vector)) / 32760,
        1: lambda vector: sum(map(abs, vector)),
        2: lambda vector: math.hypot(*vector),
        3: lambda vector: sum(abs(number) ** 3 for number in vector) ** (1 / 3),
        32: lambda vector: sum(abs(number) ** 32 for number in vector) ** (1 / 32),
    }

    @pytest.mark.parametrize("norm", NORMS)
    def test_request_says_how_a_vector_is_scaled(self, serve, door, norm):
        door = door(serve())
        (raw,) = vectors(door, [TEXT], embd_normalize=-1)
        (vector,) = vectors(door, [TEXT], embd_normalize=norm)
        length = self.NORMS[norm](raw)
        assert vector == pytest.approx([number / length for number in raw], rel=1e-3, abs=1e-5)

    @pytest.mark.parametrize("norm", [-1, 0])
    def test_parameters_say_it_for_requests_that_do_not(self, serve, door, norm):
        (expected,) = vectors(door(serve()), [TEXT], embd_normalize=norm)
        server = serve(embd_normalize=norm)
        assert vectors(door(server), [TEXT])[0] == pytest.approx(expected, rel=1e-3, abs=1e-5)
        (answer,) = door(server).ask("/embeddings", {"input": TEXT})
        assert answer["embedding"][0] == pytest.approx(expected, rel=1e-3, abs=1e-5)

    def test_length_is_1_by_default(self, serve, door):
        assert math.hypot(*vectors(door(serve()), [TEXT])[0]) == pytest.approx(1, abs=1e-4)

    @pytest.mark.parametrize("norm", [-2, 33, "length", 1.5, [2]])
    def test_what_is_no_norm_is_refused(self, serve, door, norm):
        for path in ("/v1/embeddings", "/embeddings"):
            status, said = refusal(door(serve()), path, {"input": TEXT, "embd_normalize": norm})
            assert status == 400
            assert said.startswith("embd_normalize: expected a whole number")


class TestBatches:
    @pytest.fixture
    def small(self, serve):
        return serve(n_batch=BATCH, n_ubatch=BATCH)

    @pytest.mark.capability("Embeddings", "more texts than a batch holds")
    def test_more_texts_than_a_batch_holds_are_each_as_alone(self, small, door):
        door = door(small)
        texts = [f"{word} {place}" * 3 for place in range(12) for word in ("the", "inner", "thing")]
        answer = door.ask("/v1/embeddings", {"input": texts})
        assert answer["usage"]["prompt_tokens"] > 4 * BATCH
        assert [data["index"] for data in answer["data"]] == list(range(len(texts)))
        for place in (0, 17, 35):
            assert answer["data"][place]["embedding"] == near(vectors(door, [texts[place]])[0])

    def test_text_longer_than_a_batch_is_refused_with_what_to_do(self, small, door):
        door = door(small)
        for path in ("/v1/embeddings", "/embeddings"):
            status, said = refusal(door, path, {"input": ["short", "a" * 2 * BATCH]})
            assert status == 400
            assert "is too large to process" in said
            assert "n_ubatch" in said
        assert vectors(door, ["short"])

    @pytest.mark.capability("Embeddings", "causal models")
    def test_causal_model_takes_a_longer_text_if_its_last_token_counts(self, serve, door):
        last = POOLING.LLAMA_POOLING_TYPE_LAST
        in_parts = serve(models.TINY, pooling_type=last, n_batch=BATCH, n_ubatch=BATCH)
        whole = serve(models.TINY, pooling_type=last)
        text = "the inner thing " * 10
        (vector,) = vectors(door(in_parts), [text])
        assert vector == near(vectors(door(whole), [text])[0], 1e-3)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-4)

    @pytest.mark.capability("Embeddings", "causal models")
    def test_causal_model_has_to_be_told_how_to_pool(self, serve, door):
        assert refusal(door(serve(models.TINY)), "/v1/embeddings", {"input": TEXT})[0] == 400
        mean = serve(models.TINY, pooling_type=POOLING.LLAMA_POOLING_TYPE_MEAN)
        one, other = vectors(door(mean), [TEXT, "other"])
        assert math.dist(one, other) > 0.01


class TestForms:
    @pytest.mark.capability("Embeddings", "base64")
    def test_base64_is_the_same_numbers(self, serve, door):
        door = door(serve())
        (plain,) = vectors(door, [TEXT], encoding_format="float")
        (packed,) = vectors(door, [TEXT], encoding_format="base64")
        assert struct.unpack(f"<{len(plain)}f", base64.b64decode(packed)) == pytest.approx(plain, abs=1e-6)

    def test_unknown_encoding_is_refused(self, serve, door):
        assert refusal(door(serve()), "/v1/embeddings", {"input": TEXT, "encoding_format": "hex"})[0] == 400

    @pytest.mark.capability("Embeddings", "dimensions")
    @pytest.mark.parametrize("form", ["float", "base64"])
    def test_shorter_vector_is_the_beginning_scaled_again(self, serve, door, form):
        door = door(serve())
        (whole,) = vectors(door, [TEXT])
        (short,) = vectors(door, [TEXT], dimensions=16, encoding_format=form)
        if form == "base64":
            short = struct.unpack("<16f", base64.b64decode(short))
        assert list(short) == near(scaled(whole[:16]))
        assert list(vectors(door, [TEXT], dimensions=64)[0]) == near(whole)
        (raw,) = vectors(door, [TEXT], embd_normalize=-1)
        assert vectors(door, [TEXT], dimensions=3, embd_normalize=-1)[0] == near(raw[:3])

    @pytest.mark.capability("Embeddings", "dimensions")
    @pytest.mark.parametrize("dimensions", [0, -1, 65, 2**40, "8", 1.5])
    def test_vector_cannot_be_of_any_length(self, serve, door, dimensions):
        status, said = refusal(door(serve()), "/v1/embeddings", {"input": TEXT, "dimensions": dimensions})
        assert status == 400
        assert said.startswith("dimensions: expected")

    @pytest.mark.capability("Embeddings", "tokens as input")
    def test_tokens_are_as_good_as_their_text(self, serve, door):
        door = door(serve())
        tokens = door.ask("/tokenize", {"content": TEXT, "add_special": True})["tokens"]
        (expected,) = vectors(door, TEXT)
        for given in (tokens, [tokens], [tokens, TEXT], [{"prompt_string": TEXT}]):
            assert vectors(door, given)[0] == near(expected)

    @pytest.mark.parametrize("token", [-1, -(2**31), 1_000_000, 2**32, 2**70, -1.5])
    @pytest.mark.parametrize("shape", [lambda t: [2, t], lambda t: [[2, t]], lambda t: {"prompt_string": ["a", 2, t]}])
    def test_what_is_no_token_is_refused(self, serve, door, token, shape):
        door = door(serve())
        for path in ("/v1/embeddings", "/embeddings"):
            assert refusal(door, path, {"input": shape(token)})[0] == 400
        assert vectors(door, [TEXT])

    @pytest.mark.parametrize(("path", "field"), [("/v1/embeddings", "input"), ("/embeddings", "content")])
    def test_the_refusal_names_the_place_and_the_last_token(self, serve, door, path, field):
        door = door(serve())
        (served,) = door.ask("/v1/models")["data"]
        last = served["meta"]["n_vocab"] - 1
        assert door.ask(path, {field: [[2, last]]})
        status, said = refusal(door, path, {field: [[2, last + 1]]})
        assert status == 400
        assert said == f"{field}.0.1: expected a token, a whole number from 0 to {last}, got {last + 1}"

    def test_usage_counts_the_tokens(self, serve, door):
        door = door(serve())
        count = len(door.ask("/tokenize", {"content": TEXT, "add_special": True})["tokens"])
        usage = door.ask("/v1/embeddings", {"input": [TEXT, TEXT]})["usage"]
        assert usage == {"prompt_tokens": 2 * count, "total_tokens": 2 * count}

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"input": []}, "must not be empty"),
            ({"model": "m"}, '"input" or "content" must be provided'),
            ({"input": None}, ""),
            ({"input": 7}, ""),
            ({"input": [[]]}, ""),
            ({"input": [None]}, ""),
            ({"input": {}}, ""),
            ({"input": {"content": "text"}}, ""),
            ([], ""),
        ],
    )
    def test_nothing_is_refused(self, serve, door, body, said):
        for path in ("/v1/embeddings", "/embeddings"):
            status, message = refusal(door(serve()), path, body)
            assert status == 400
            assert said in message

    @pytest.mark.parametrize("text", ["", [""]])
    def test_empty_text_has_a_vector_where_the_model_marks_its_ends(self, serve, door, text):
        assert vectors(door(serve()), text)

    def test_server_for_text_makes_none(self, params, door):
        with xlc.Server(params(models.tiny(models.TINY))) as server:
            status, said = refusal(door(server), "/v1/embeddings", {"input": TEXT})
        assert status == 501
        assert "does not support embeddings" in said

    def test_image_is_refused_by_a_model_that_sees_none(self, serve, door):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        status, said = refusal(door(serve()), "/v1/embeddings", {"input": [{"content": [image]}]})
        assert status == 400
        assert "image input is not supported" in said


@pytest.mark.parametrize("form", ["float", "base64"])
def test_openais_client_gets_what_it_asks_for(serve, form):
    server = serve()
    client = OpenAI(base_url=f"{server.listening_address}/v1", api_key="none", max_retries=0)
    with client:
        answer = client.embeddings.create(model="m", input=[TEXT, "other"], dimensions=32, encoding_format=form)
        unasked = client.embeddings.create(model="m", input=TEXT)
    expected = server.handle_embeddings({"input": TEXT})["data"][0]["embedding"]
    assert unasked.data[0].embedding == near(expected)
    assert len(answer.data) == 2
    if form == "float":
        assert answer.data[0].embedding == near(scaled(expected[:32]))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
