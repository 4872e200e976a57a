"""Documents are put in the order in which they answer a query."""

from __future__ import annotations

import pytest

import models
import xllamacpp as xlc

pytestmark = pytest.mark.capability("Reranking", "order and scores")

QUERY = "a thing"
DOCUMENTS = ["one", "two three", "a thing", "the inner er"]
PATHS = ["/rerank", "/reranking", "/v1/rerank", "/v1/reranking"]


@pytest.fixture(scope="module")
def server(params):
    """Serve random weights: the order means nothing, and is always the same."""
    path = models.tiny(models.TINY_RERANKER)
    with xlc.Server(params(path, n_ctx=512, n_parallel=2, n_batch=64, n_ubatch=64, reranking=True)) as server:
        yield server


def refusal(door, body, path="/v1/rerank"):
    with pytest.raises(xlc.RequestError) as caught:
        door.ask(path, body)
    return caught.value.status, str(caught.value)


def scores(answer):
    return {result["index"]: result["relevance_score"] for result in answer["results"]}


@pytest.mark.parametrize("path", PATHS)
def test_documents_come_in_order(server, door, path):
    answer = door(server).ask(path, {"query": QUERY, "documents": DOCUMENTS, "model": "ranker"})
    found = [result["relevance_score"] for result in answer["results"]]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(DOCUMENTS)
    assert sorted(scores(answer)) == list(range(len(DOCUMENTS)))
    assert (answer["object"], answer["model"]) == ("list", "ranker")
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 0


@pytest.mark.capability("Reranking", "texts: the form of text-embeddings-inference")
@pytest.mark.parametrize("path", PATHS)
def test_texts_get_the_other_form(server, door, path):
    door = door(server)
    expected = scores(door.ask(path, {"query": QUERY, "documents": DOCUMENTS}))
    plain = door.ask(path, {"query": QUERY, "texts": DOCUMENTS})
    assert {result["index"]: result["score"] for result in plain} == pytest.approx(expected, abs=1e-4)
    with_texts = door.ask(path, {"query": QUERY, "texts": DOCUMENTS, "return_text": True})
    assert [result["text"] for result in with_texts] == [DOCUMENTS[result["index"]] for result in with_texts]
    assert all("text" not in result for result in plain)


@pytest.mark.capability("Reranking", "top_n")
@pytest.mark.parametrize(("top_n", "count"), [(1, 1), (3, 3), (99, 4), (0, 0), (None, 4)])
def test_best_few_are_enough(server, door, top_n, count):
    door = door(server)
    every = door.ask("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS})["results"]
    some = door.ask("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS, "top_n": top_n})["results"]
    assert [result["index"] for result in some] == [result["index"] for result in every][:count]
    assert len(door.ask("/rerank", {"query": QUERY, "texts": DOCUMENTS, "top_n": top_n})) == count


@pytest.mark.capability("Reranking", "top_n")
@pytest.mark.parametrize("top_n", [-1, -(2**31), "2", 1.5, [1], True])
def test_number_of_documents_is_checked(server, door, top_n):
    door = door(server)
    for documents in ("documents", "texts"):
        status, said = refusal(door, {"query": QUERY, documents: DOCUMENTS, "top_n": top_n})
        assert status == 400
        assert said.startswith("top_n: expected how many documents to name")


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2]])
def test_score_does_not_depend_on_the_others(server, door, order):
    door = door(server)
    expected = scores(door.ask("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS}))
    moved = scores(door.ask("/v1/rerank", {"query": QUERY, "documents": [DOCUMENTS[place] for place in order]}))
    assert {order[index]: score for index, score in moved.items()} == pytest.approx(expected, abs=1e-4)
    alone = scores(door.ask("/v1/rerank", {"query": QUERY, "documents": [DOCUMENTS[2]]}))
    assert alone[0] == pytest.approx(expected[2], abs=1e-4)


def test_query_counts(server, door):
    door = door(server)
    one, other = (scores(door.ask("/v1/rerank", {"query": query, "documents": DOCUMENTS})) for query in ("a", "er"))
    assert one != pytest.approx(other, abs=1e-4)


@pytest.mark.capability("Reranking", "more documents than a batch holds")
def test_more_documents_than_a_batch_holds(server, door):
    documents = [f"thing {place}" for place in range(40)]
    answer = door(server).ask("/v1/rerank", {"query": QUERY, "documents": documents})
    assert sorted(scores(answer)) == list(range(40))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"documents": DOCUMENTS}, '"query" must be provided'),
        ({"query": 7, "documents": DOCUMENTS}, '"query" must be a string'),
        ({"query": None, "documents": DOCUMENTS}, '"query" must be a string'),
        ({"query": QUERY}, '"documents" must be a non-empty string array'),
        ({"query": QUERY, "documents": []}, '"documents" must be a non-empty string array'),
        ({"query": QUERY, "documents": [1, 2]}, '"documents" must be a non-empty string array'),
        ({"query": QUERY, "documents": "one"}, '"documents" must be a non-empty string array'),
        ({"query": QUERY, "documents": [{"text": "one"}]}, '"documents" must be a non-empty string array'),
        ([], ""),
    ],
)
def test_what_is_missing_is_named(server, door, body, said):
    status, message = refusal(door(server), body)
    assert status == 400
    assert said in message


def test_document_longer_than_a_batch_is_refused_with_what_to_do(server, door):
    door = door(server)
    status, said = refusal(door, {"query": QUERY, "documents": ["one", "a" * 200]})
    assert status == 400
    assert "n_ubatch" in said
    assert door.ask("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS})


@pytest.mark.parametrize("documents", [[""], ["\0"], ["ü🦙"], ["[SEP] [CLS]"]])
def test_any_text_can_be_a_document(server, door, documents):
    assert len(door(server).ask("/v1/rerank", {"query": "", "documents": documents})["results"]) == 1


def test_server_for_embeddings_ranks_nothing(params, door):
    with xlc.Server(params(models.tiny(models.TINY_ENCODER), n_ctx=512, embedding=True)) as server:
        status, said = refusal(door(server), {"query": QUERY, "documents": DOCUMENTS})
    assert status == 501
    assert "does not support reranking" in said
