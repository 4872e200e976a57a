"""No route is forgotten: llama.cpp's own list of them, in its pinned source, beside ours."""

from __future__ import annotations

import re

import pytest

import models
import xllamacpp as xlc
from llama_cpp_header.reading import pinned_tree

METHODS = {"get": "GET", "post": "POST", "del": "DELETE"}

# What a server of many models has besides (`serve --models-dir`), as its source says by the object that answers.
OF_THE_ROUTER = "models_routes"

DOCUMENTED = """
GET /health, GET /v1/health, GET /models, GET /v1/models, GET /props, POST /props, GET /metrics, GET /slots
POST /completion, POST /completions, POST /v1/completions, POST /chat/completions, POST /v1/chat/completions
POST /v1/responses, POST /v1/messages, POST /infill, POST /embedding, POST /v1/embeddings
POST /rerank, POST /v1/rerank, POST /v1/reranking, POST /tokenize, POST /detokenize, POST /apply-template
GET /lora-adapters, POST /lora-adapters, POST /slots/:id_slot
"""


@pytest.fixture(scope="module")
def server(params):
    with xlc.Server(params(models.tiny(models.TINY), n_parallel=1)) as server:
        yield server


def routes_of_llama_cpp():
    source = (pinned_tree() / "tools" / "server" / "server.cpp").read_text(encoding="utf-8")
    found = re.findall(r'ctx_http\.(\w+)\s*\(\s*"([^"]+)"\s*,\s*ex_wrapper\(\s*(\w+)', source)
    assert len(found) == source.count("ctx_http.get") + source.count("ctx_http.post") + source.count("ctx_http.del")
    return {f"{METHODS[method]} {path}" for method, path, handler in found if handler != OF_THE_ROUTER}


@pytest.mark.skipif(
    xlc.BUILD_INFO["llama_cpp_commit"] == "custom",
    reason="this wheel was built from a checkout of llama.cpp (XLLAMACPP_LLAMA_CPP_DIR)",
)
def test_every_route_of_llama_cpps_server_is_one_of_ours(server):
    assert set(server.routes) == routes_of_llama_cpp()


def test_every_route_of_the_document_is_there(server):
    assert set(re.split(r"[,\n]\s*", DOCUMENTED.strip())) <= set(server.routes)


def test_no_route_stands_twice(server):
    assert len(server.routes) == len(set(server.routes))
