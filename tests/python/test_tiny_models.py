"""The models that the tests write: each is the same everywhere, and does what it is there to prove."""

from __future__ import annotations

import filecmp
import math
import re
import sys

import pytest

import models
import xllamacpp as xlc
from xllamacpp.models import fetch

PROMPT = {"prompt": "the inner thing", "max_tokens": 24, "temperature": 0}


@pytest.fixture
def complete(params):
    """Complete the prompt on a server of TINY with these fields, and return the text."""

    def run(**fields):
        with xlc.Server(params(models.tiny(models.TINY), **fields)) as server:
            return server.handle_completions(PROMPT)["choices"][0]["text"]

    return run


EVERY = [model for model in vars(models).values() if isinstance(model, models.TinyModel)]
DERIVED = [model for model in vars(models).values() if isinstance(model, models.DerivedModel)]


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.name)
def test_is_written_once_and_the_same_everywhere(model, monkeypatch, tmp_path):
    first = models.tiny(model)
    written = first.stat().st_mtime_ns
    assert models.tiny(model) == first
    assert first.stat().st_mtime_ns == written
    monkeypatch.setenv("XLLAMACPP_CACHE", str(tmp_path))
    again = models.tiny(model)
    assert again != first
    assert filecmp.cmp(first, again, shallow=False)
    assert [path.name for path in again.parent.iterdir()] == [first.name]
    assert first.stat().st_size < 1_000_000


@pytest.mark.parametrize("model", DERIVED, ids=lambda model: model.name)
def test_is_made_the_same_again(model, monkeypatch, tmp_path):
    first = models.derived(model)
    files = [fetch(source) for source in model.sources]
    monkeypatch.setenv("XLLAMACPP_CACHE", str(tmp_path))
    for source, file in zip(model.sources, files, strict=True):
        source.path.parent.mkdir(parents=True)
        source.path.symlink_to(file)
    again = models.derived(model)
    assert again != first
    assert filecmp.cmp(first, again, shallow=False)


@pytest.mark.parametrize("model", [*EVERY, *DERIVED], ids=lambda model: model.name)
def test_file_changes_with_the_module_that_the_model_is_in(model):
    assert model in vars(sys.modules[model.write.__module__]).values()


def test_completes_and_chats(params):
    with xlc.Server(params(models.tiny(models.TINY))) as server:
        answers = [server.handle_completions({**PROMPT, "cache_prompt": False}) for _ in range(2)]
        chat = server.handle_chat_completions({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8})
        meta = server.request("GET", "/v1/models")["data"][0]["meta"]
    assert answers[0]["choices"][0]["text"] == answers[1]["choices"][0]["text"] != ""
    # No token that ends a text is likely: a test gets as many as it asks for.
    assert answers[0]["usage"]["completion_tokens"] == PROMPT["max_tokens"]
    assert chat["choices"][0]["message"]["content"]
    assert (meta["n_vocab"], meta["n_ctx_train"], meta["n_embd"]) == (297, 512, 64)


@pytest.mark.parametrize("text", ["the inner thing", "Ünïcode 🦙\n", " two  spaces"])
def test_vocabulary_spells_anything(params, text):
    with xlc.Server(params(models.tiny(models.TINY))) as server:
        tokens = server.request("POST", "/tokenize", {"content": text})["tokens"]
        again = server.request("POST", "/detokenize", {"tokens": tokens})["content"]
    # SentencePiece puts a space before a text.
    assert again.lstrip(" ") == text.lstrip(" ")


def test_quantised_cache(complete):
    kind = xlc.ggml_type.GGML_TYPE_Q8_0
    assert complete(cache_type_k=kind, cache_type_v=kind)


def test_draft_changes_no_greedy_text(complete):
    draft = {
        "types": [xlc.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE],
        "draft": {"mparams": {"path": models.tiny(models.TINY_DRAFT)}},
    }
    assert complete(speculative=draft) == complete()


def test_other_vocabulary_is_another(params):
    with xlc.Server(params(models.tiny(models.TINY_OTHER_VOCABULARY))) as server:
        assert server.handle_completions(PROMPT)["choices"][0]["text"]
        assert server.request("GET", "/v1/models")["data"][0]["meta"]["n_vocab"] == 296


def test_adapter_counts_by_its_scale(complete):
    def scaled(scale):
        return complete(lora_adapters=[{"path": models.tiny(models.TINY_LORA), "scale": scale}])

    assert scaled(1) != complete()
    assert scaled(0) == complete()


def test_gap_is_filled_by_what_stands_around_it(params):
    def infill(server, before, after):
        request = {"input_prefix": before, "input_suffix": after, "n_predict": 12, "temperature": 0}
        return server.request("POST", "/infill", request)["content"]

    with xlc.Server(params(models.tiny(models.TINY_FIM))) as server:
        texts = {infill(server, before, after) for before in ("a", "the") for after in ("in", "on")}
        assert infill(server, "a", "in") in texts
    assert len(texts) == 4
    with (
        xlc.Server(params(models.tiny(models.TINY))) as server,
        pytest.raises(xlc.RequestError, match="Infill is not supported by this model"),
    ):
        infill(server, "a", "in")


@pytest.mark.parametrize("harm", models.BROKEN)
def test_broken_file_is_no_model(harm, params, tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(models.BROKEN[harm](models.tiny(models.TINY).read_bytes()))
    with pytest.raises(xlc.ModelLoadError, match=re.escape(str(path))):
        xlc.Server(params(path))


def test_encoder_embeds(params):
    with xlc.Server(params(models.tiny(models.TINY_ENCODER), n_ctx=512, embedding=True)) as server:
        answer = server.handle_embeddings({"input": ["a thing", "another one", "A thing"]})
    first, other, same = (data["embedding"] for data in answer["data"])
    assert len(first) == 64
    assert math.isclose(math.hypot(*first), 1, abs_tol=1e-3)
    assert math.dist(first, same) < 1e-3 < math.dist(first, other)


def test_reranker_ranks(params):
    rank = xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    documents = ["one", "two three", "a thing"]
    with xlc.Server(params(models.tiny(models.TINY_RERANKER), n_ctx=512, embedding=True, pooling_type=rank)) as server:
        every = server.handle_rerank({"query": "a thing", "documents": documents})["results"]
        best = server.handle_rerank({"query": "a thing", "documents": documents, "top_n": 1})["results"]
    scores = [result["relevance_score"] for result in every]
    assert sorted(scores, reverse=True) == scores
    assert len(set(scores)) == len(documents)
    assert best[0]["index"] == every[0]["index"]
    assert len(best) == 1
