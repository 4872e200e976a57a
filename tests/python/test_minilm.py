"""The embeddings of a real model are those that the original gives."""

from __future__ import annotations

import json
import math
import operator
from pathlib import Path

import pytest

import models
import xllamacpp as xlc

REFERENCE = json.loads(Path(models.__file__).with_name("minilm_vectors.json").read_text(encoding="utf-8"))["sentences"]


@pytest.fixture(scope="module")
def server(params):
    with xlc.Server(params(models.derived(models.MINILM), n_ctx=512, n_parallel=1, embedding=True)) as server:
        yield server


def embed(server, texts):
    return [data["embedding"] for data in server.handle_embeddings({"input": texts})["data"]]


def cosine(one, other):
    return sum(map(operator.mul, one, other)) / math.hypot(*one) / math.hypot(*other)


def test_original_said_it_of_twenty_sentences():
    assert len({entry["text"] for entry in REFERENCE}) == 20
    assert {len(entry["vector"]) for entry in REFERENCE} == {384}


@pytest.mark.parametrize("entry", REFERENCE, ids=lambda entry: entry["text"][:20])
def test_agrees_with_the_original(server, entry):
    (vector,) = embed(server, [entry["text"]])
    assert cosine(vector, entry["vector"]) >= 0.9999


def test_sentences_that_mean_the_same_are_near(server):
    question, same, other = embed(server, [REFERENCE[place]["text"] for place in (2, 3, 0)])
    assert cosine(question, same) > 0.4 > 0.2 > cosine(question, other)
