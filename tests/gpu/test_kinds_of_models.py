"""Models that do something else than write, on a GPU: each does there what it does on the CPU."""

from __future__ import annotations

from functools import partial

import pytest

import models
import xllamacpp as xlc
from media import image_part, png

pytestmark = pytest.mark.gpu

TEXT = "the inner thing is on an other one in the end"
DOCUMENTS = ["one", "two three", "a thing", "the inner er"]


@pytest.fixture
def serve(gpu, params):
    """Give a function that serves one of the tiny models, whole, on the GPU or on the CPU."""

    def serve(model, device, **fields):
        return xlc.Server(params(models.tiny(model), n_gpu_layers=99, devices=[device], **{"n_ctx": 512, **fields}))

    return serve


@pytest.fixture
def on_both(gpu, serve):
    """Ask a model on the GPU, and on the CPU; return both answers."""

    def on_both(ask, model, **fields):
        answers = []
        for device in (gpu["name"], "none"):
            with serve(model, device, **fields) as server:
                answers.append(ask(server))
        return answers

    return on_both


def embedding(server):
    return server.request("POST", "/v1/embeddings", {"input": TEXT})["data"][0]["embedding"]


def test_an_embedding_points_the_same_way(on_both):
    one, other = on_both(embedding, models.TINY_ENCODER, embedding=True)
    assert sum(a * b for a, b in zip(one, other, strict=True)) == pytest.approx(1, abs=1e-3)
    assert one != other


def test_documents_get_the_same_scores(on_both):
    def scores(server):
        answer = server.request("POST", "/v1/rerank", {"query": "a thing", "documents": DOCUMENTS})
        return [result["relevance_score"] for result in sorted(answer["results"], key=lambda result: result["index"])]

    one, other = on_both(scores, models.TINY_RERANKER, reranking=True)
    assert one == pytest.approx(other, abs=1e-2)
    assert one != other


def test_an_adapter_counts(on_both):
    def likely_tokens(server):
        body = {"prompt": TEXT, "n_predict": 1, "temperature": 0, "n_probs": 4}
        (token,) = server.request("POST", "/completion", body)["completion_probabilities"]
        return {each["token"]: each["logprob"] for each in token["top_logprobs"]}

    def ask(scale):
        adapters = [xlc.CommonAdapterLoraInfo(models.tiny(models.TINY_LORA), scale)]
        return on_both(likely_tokens, models.TINY, lora_adapters=adapters)

    with_adapter, on_cpu = ask(1.0)
    assert with_adapter == pytest.approx(on_cpu, abs=0.05)
    without, _ = ask(0.0)
    assert with_adapter != pytest.approx(without, abs=0.05)


def test_drafts_leave_the_text_as_it_is(gpu, serve):
    body = {"prompt": TEXT, "n_predict": 40, "temperature": 0}
    with serve(models.TINY, gpu["name"], n_parallel=1) as server:
        plain = server.request("POST", "/completion", body)
    draft = {"mparams": {"path": str(models.tiny(models.TINY_DRAFT))}, "n_gpu_layers": 99, "devices": [gpu["name"]]}
    with serve(models.TINY, gpu["name"], n_parallel=1, speculative={"draft": draft}) as server:
        drafted = server.request("POST", "/completion", body)
    assert drafted["timings"]["draft_n"] > 0
    assert drafted["content"] == plain["content"]


def test_a_projector_sees_colours(on_both):
    def look(server, colour):
        message = {"role": "user", "content": [image_part(png(colour)), {"type": "text", "text": "What?"}]}
        answer = server.request("POST", "/v1/chat/completions", {"messages": [message], "max_tokens": 24})
        return answer["choices"][0]["message"]["content"]

    for colour in ("red", "blue"):
        told = on_both(
            partial(look, colour=colour), models.TINY_WITNESS, mmproj={"path": str(models.tiny(models.TINY_VISION))}
        )
        assert told == [f"I see {colour}, and hear no tone."] * 2
