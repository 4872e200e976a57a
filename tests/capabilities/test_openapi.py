"""What the OpenAPI document gives as an example, through both doors: taken, and answered as the document says."""

from __future__ import annotations

import jsonschema
import pytest

import models
import xllamacpp as xlc
from xllamacpp.openapi import document

pytestmark = pytest.mark.capability("Endpoints", "every example of the OpenAPI document")

DOCUMENT = document()
JSON = "application/json"
EVENTS = "text/event-stream"

# Routes that take a model of another kind.
SERVERS = {"/v1/embeddings": "encoder", "/embeddings": "encoder", "/v1/rerank": "reranker"}
ALIASES = {"/completions", "/chat/completions", "/responses", "/embedding", "/rerank", "/reranking", "/v1/reranking"}


def examples():
    """Give each example of a request's body, as a test's parameter."""
    for path, item in DOCUMENT["paths"].items():
        media = item.get("post", {}).get("requestBody", {}).get("content", {}).get(JSON, {})
        named = {name: example["value"] for name, example in media.get("examples", {}).items()}
        if "example" in media:
            named["example"] = media["example"]
        if path not in ALIASES:
            yield from (pytest.param(path, body, id=f"{path} {name}") for name, body in named.items())


def check(schema, value):
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def answer_of(path, method="post"):
    return DOCUMENT["paths"][path][method]["responses"]["200"]


def resolved(response):
    reference = response.get("$ref", "")
    return DOCUMENT["components"]["responses"][reference.rsplit("/", 1)[1]] if reference else response


@pytest.fixture(scope="module")
def server(params, tmp_path_factory):
    filling = [f"tokenizer.ggml.fim_{part}_token_id=int:{token}" for token, part in enumerate(("pre", "suf", "mid"), 3)]
    wanted = params(
        models.tiny(models.TINY),
        n_ctx=1024,
        n_parallel=2,
        endpoint_slots=True,
        endpoint_metrics=True,
        endpoint_props=True,
        slot_save_path=f"{tmp_path_factory.mktemp('slots')}/",
        kv_overrides=filling,
        lora_adapters=[str(models.tiny(models.TINY_LORA))],
    )
    with xlc.Server(wanted) as server:
        yield server


@pytest.fixture(scope="module")
def encoder(params):
    with xlc.Server(params(models.tiny(models.TINY_ENCODER), n_ctx=512, n_parallel=1, embedding=True)) as server:
        yield server


@pytest.fixture(scope="module")
def reranker(params):
    ranking = {"embedding": True, "pooling_type": xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK}
    with xlc.Server(params(models.tiny(models.TINY_RERANKER), n_ctx=512, n_parallel=1, **ranking)) as server:
        yield server


@pytest.mark.parametrize(("path", "body"), list(examples()))
def test_an_example_is_taken_and_answered_as_the_document_says(path, body, door, request):
    opened = door(request.getfixturevalue(SERVERS.get(path, "server")))
    check(DOCUMENT["paths"][path]["post"]["requestBody"]["content"][JSON]["schema"], body)
    content = resolved(answer_of(path))["content"]
    where = path.replace("{id_slot}", "0") + ("?action=save" if "{id_slot}" in path else "")
    if isinstance(body, dict) and body.get("stream"):
        chunks = opened.stream(where, body)
        assert len(chunks) > 1
        for chunk in chunks:
            check(content[EVENTS]["x-event"], chunk)
    else:
        check(content[JSON]["schema"], opened.ask(where, body))


@pytest.mark.parametrize("path", [path for path, item in DOCUMENT["paths"].items() if "get" in item])
def test_what_is_read_is_as_the_document_says(server, path, door):
    content = answer_of(path, "get").get("content", {})
    if path in ("/tools", "/cors-proxy", "/v1/stream"):
        pytest.skip("takes a server or a request of its own")
    answer = door(server).ask(path)
    if JSON in content:
        check(content[JSON]["schema"], answer)
    else:
        assert list(content) == ["text/plain"]
        assert isinstance(answer, str)
