"""What llama.cpp would abort, hang or misbehave on is refused, with what to set; what is beside it is not."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest

import models
import xllamacpp as xlc
from xllamacpp._native.table import RULES

# What breaks a rule, what is said of it, and the nearest that does not.
BROKEN = [
    ({"n_ctx": 1}, "n_ctx=1: a context of one token", {"n_ctx": 2}),
    ({"embedding": True, "n_ubatch": 1}, "n_ubatch=1: a text that is seen at once", {"embedding": True, "n_ubatch": 2}),
    (
        {"attention_type": "non_causal", "n_ubatch": 1},
        "n_ubatch=1: a text that is seen at once",
        {"attention_type": "non_causal", "n_ubatch": 2},
    ),
    ({"n_batch": 3, "n_parallel": 4}, "n_parallel=4: every slot needs", {"n_batch": 4, "n_parallel": 4}),
    ({"n_batch": 3, "n_parallel": -1}, "n_parallel=-1: every slot needs", {"n_batch": 4, "n_parallel": -1}),
    (
        {"n_ubatch": 3, "n_parallel": 4, "embedding": True},
        "n_ubatch=3, n_parallel=4: every slot needs",
        {"n_ubatch": 3, "n_parallel": 4},
    ),
    (
        {"n_batch": 3, "speculative.draft.mparams.path": "d"},
        'n_batch=3, n_ctx=0, n_parallel=1, speculative.types=["none"]: the drafts of all slots',
        {"n_batch": 4, "speculative.draft.mparams.path": "d"},
    ),
    (
        {"n_ctx": 3, "embedding": True, "speculative.draft.mparams.path": "d"},
        "the drafts of all slots",
        {"n_ctx": 4, "embedding": True, "speculative.draft.mparams.path": "d"},
    ),
    (
        {"n_ctx": 195, "n_parallel": 4, "speculative.types": ["ngram_simple"]},
        'speculative.types=["ngram_simple"]: the drafts of all slots',
        {"n_ctx": 196, "n_parallel": 4, "speculative.types": ["ngram_simple"]},
    ),
    ({"kv_unified_per_slot": 31}, "a slot that small has no room", {"kv_unified_per_slot": 32}),
    (
        {"kv_unified_per_slot": 2**30, "n_parallel": 2},
        "the slots need a larger context",
        {"kv_unified_per_slot": 2**30 - 1, "n_parallel": 2},
    ),
    (
        {"cache_type_v": "q8_0", "flash_attn_type": "disabled"},
        'cache_type_v="q8_0", flash_attn_type="disabled": quantized values',
        {"cache_type_v": "q8_0"},
    ),
    (
        {
            "speculative.draft.mparams.path": "d",
            "speculative.draft.cache_type_v": "q8_0",
            "flash_attn_type": "disabled",
        },
        "quantized values in the draft's cache",
        {"speculative.draft.mparams.path": "d", "speculative.draft.cache_type_v": "q8_0"},
    ),
    ({"cache_type_k": "bf16", "ctx_shift": True}, "keys of type BF16", {"cache_type_v": "bf16", "ctx_shift": True}),
    ({"cache_type_k": "bf16", "n_cache_reuse": 1}, "keys of type BF16", {"cache_type_k": "bf16"}),
    ({"no_alloc": True}, "needs the weights", {"no_alloc": False}),
    ({"sampling.samplers": ["none"]}, "NONE is no sampler", {"sampling.samplers": []}),
    (
        {"sampling.samplers": "infill"},
        'sampling.samplers=["infill"], sampling.top_k=40: INFILL compares',
        {"sampling.samplers": "top_k;infill"},
    ),
    ({"sampling.samplers": "infill;top_k"}, "put TOP_K before it", {"sampling.samplers": "top_p;top_k;infill"}),
    (
        {"sampling.samplers": "top_k;infill", "sampling.top_k": 1001},
        "set top_k to 1000",
        {"sampling.samplers": "top_k;infill", "sampling.top_k": 1000},
    ),
    (
        {"sampling.dry_sequence_breakers": ["a"] * 257},
        "sampling.dry_sequence_breakers=[...]: each breaker",
        {"sampling.dry_sequence_breakers": ["a"] * 256},
    ),
    ({"speculative.types": ["draft_eagle3"]}, "needs a draft model", {"speculative.types": ["draft_mtp"]}),
    (
        {"speculative.types": ["ngram_map_k4v"], "ctx_shift": True},
        "a context that shifts",
        {"speculative.types": ["ngram_mod"], "ctx_shift": True},
    ),
    ({"speculative.synth_len": 2}, "made-up acceptance", {"speculative": {"synth_len": 2, "types": ["ngram_mod"]}}),
    (
        {"kv_overrides": ["llama.context_length=int:31"]},
        "context_length at least 32",
        {"kv_overrides": ["llama.context_length=int:32"]},
    ),
    (
        {"kv_overrides": ["llama.block_count=int:2"]},
        "the layout of the weights cannot be overridden",
        {"kv_overrides": ["llama.expert_used_count=int:2"]},
    ),
    (
        {"kv_overrides": ["bert.attention.key_length=int:16"]},
        "the layout of the weights",
        {"kv_overrides": ["llama.attention.key_length=int:16"]},
    ),
    (
        {"kv_overrides": ["llama.attention.layer_norm_rms_epsilon=float:-1"]},
        "no negative epsilon",
        {"kv_overrides": ["llama.attention.layer_norm_rms_epsilon=float:0"]},
    ),
    (
        {"kv_overrides": ["llama.rope.scaling.type=str:x"]},
        "rope.scaling.type none, linear",
        {"kv_overrides": ["llama.rope.scaling.type=str:yarn"]},
    ),
    ({"kv_overrides": ["llama.pooling_type=int:7"]}, "pooling_type 0 to 4", {"kv_overrides": ["a=int:0"]}),
    (
        {"control_vector_layer_start": 5, "control_vector_layer_end": 4},
        "no layer is between",
        {"control_vector_layer_start": 5, "control_vector_layer_end": 5},
    ),
    (
        {"image_min_tokens": 5, "image_max_tokens": 4},
        "no size of an image",
        {"image_min_tokens": 5, "image_max_tokens": 5},
    ),
    (
        {"cpuparams.mask_valid": True},
        "cpuparams.mask_valid=true, cpuparams.cpumask=[...]: the mask has no CPU",
        {"cpuparams": {"mask_valid": True, "cpumask": [True]}},
    ),
    (
        {"hostnames": ["127.0.0.1", "::1"]},
        "several addresses cannot share a port",
        {"hostnames": ["127.0.0.1", "::1"], "port": 8080},
    ),
    ({"hostnames": ["a" * 103 + ".sock"]}, "107 bytes", {"hostnames": ["a" * 102 + ".sock", "127.0.0.1"]}),
    ({"api_prefix": "llm"}, 'api_prefix="llm": no path would begin', {"api_prefix": "/llm/v2"}),
    ({"api_prefix": "/llm/"}, "none at the end", {"api_prefix": ""}),
    ({"ssl_file_key": "k"}, 'ssl_file_cert="": the two belong together', {"ssl_file_key": "k", "ssl_file_cert": "c"}),
]


@pytest.mark.parametrize(("values", "message", "allowed"), BROKEN, ids=lambda value: str(value)[:60])
def test_what_breaks_a_rule_is_refused(values, message, allowed):
    params = xlc.CommonParams.from_dict(values)
    with pytest.raises(xlc.ParameterError, match=re.escape(message)):
        params.validate()
    params.model.path = "no such file"
    with pytest.raises(xlc.ParameterError, match=re.escape(message)):
        xlc.Server(params)
    xlc.CommonParams.from_dict(allowed).validate()


def test_every_rule_is_broken_above():
    said = []
    for values, _, _ in BROKEN:
        with pytest.raises(xlc.ParameterError) as caught:
            xlc.CommonParams.from_dict(values).validate()
        said.append(str(caught.value))
    assert [rule.advice for rule in RULES if not any(text.endswith(rule.advice) for text in said)] == []


def test_the_defaults_break_no_rule():
    xlc.CommonParams().validate()


class TestFiles:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"lora_adapters": ["/no/such.gguf"]}, "lora_adapters.0.path: '/no/such.gguf' cannot be read"),
            ({"control_vectors": ["/"]}, "control_vectors.0.fname: '/' cannot be read"),
            ({"mmproj.path": "/no/such.gguf"}, "mmproj.path: '/no/such.gguf' cannot be read"),
            ({"speculative.draft.mparams.path": "/no/such.gguf"}, "speculative.draft.mparams.path: '/no/such.gguf'"),
            ({"public_path": "/no/such"}, "public_path: '/no/such' is not a directory"),
            ({"slot_save_path": "/no/such"}, "slot_save_path: '/no/such' is not a directory"),
            ({"media_path": "/no/such"}, "media_path: '/no/such' is not a directory"),
            ({"mcp_servers_config": "/no/such"}, "mcp_servers_config: '/no/such' cannot be read"),
        ],
    )
    def test_that_are_not_there_are_named(self, values, message, tiny_params):
        with pytest.raises(xlc.ParameterError, match=re.escape(message)):
            xlc.Server(tiny_params(**values))

    @pytest.mark.parametrize("field", ["lookup_cache_static", "lookup_cache_dynamic"])
    @pytest.mark.parametrize(
        ("content", "is_good"),
        [
            (b"", True),
            (b"\1\0\0\0" * 7, True),
            (b"\1\0\0\0" * 6, False),
            (b"\1\0\0\0" * 4 + b"\0\0\0\0", False),
            (b"\1\0\0\0" * 6 + b"\0\0\0\0", False),
            (b"x" * 15, False),
        ],
    )
    def test_lookup_caches_are_whole(self, field, content, is_good, tiny_params, tmp_path):
        file = tmp_path / "cache"
        file.write_bytes(content)
        params = tiny_params(**{"speculative.types": ["ngram_cache"], f"speculative.ngram_cache.{field}": file})
        message = f"speculative.ngram_cache.{field}: '{file}' is no lookup cache"
        with nullcontext() if is_good else pytest.raises(xlc.ParameterError, match=re.escape(message)):
            xlc.Server(params).close()


@pytest.fixture(scope="session")
def tiny_params():
    """Make parameters for a tiny model with random weights: what it says means nothing."""

    def make(model=models.TINY, **values):
        defaults = {"n_ctx": 256, "n_parallel": 1, "warmup": False, "model.path": str(models.tiny(model))}
        return xlc.CommonParams.from_dict({**defaults, **values})

    return make


class TestModels:
    """Limits that depend on the model's metadata; the models are tiny, so what they answer means nothing."""

    @pytest.mark.parametrize(
        ("model", "values", "message"),
        [
            (models.TINY_ENCODER, {}, "is a model for embeddings (bert), which generates no text; set embedding"),
            (models.TINY_ENCODER, {"reranking": True}, "has no head that ranks"),
            (models.TINY, {"reranking": True}, "has no head that ranks"),
            (
                models.TINY,
                {"cache_type_k": "q8_0", "kv_overrides": ["llama.attention.key_length=int:48"]},
                "heads of 48",
            ),
            (
                models.TINY,
                {"rope_scaling_type": "yarn", "rope_freq_scale": 1e-7},
                "rope_freq_scale=0.000000: YaRN makes a context of 512 / rope_freq_scale tokens",
            ),
            (models.TINY, {"rope_scaling_type": "yarn", "rope_freq_scale": 9}, "has to be at least 64"),
            (
                models.TINY,
                {"sampling.backend_sampling": True, "sampling.logit_bias": [{"token": 297}]},
                "sampling.logit_bias: there is no token 297; the model has 297 tokens",
            ),
            (
                models.TINY,
                {"kv_overrides": ["llama.expert_used_count=int:1"]},
                "kv_overrides: 1 experts cannot be used of the 0",
            ),
            (models.TINY, {"speculative.types": ["draft_mtp"]}, "has no layers that predict several tokens"),
        ],
    )
    def test_that_do_not_go_with_a_parameter(self, model, values, message, tiny_params):
        with pytest.raises(xlc.ParameterError, match=re.escape(message)):
            xlc.Server(tiny_params(model, **values))

    @pytest.mark.parametrize(
        ("field", "file", "message"),
        [
            ("speculative.draft.mparams.path", models.TINY_OTHER_VOCABULARY, "has another vocabulary: "),
            ("speculative.draft.mparams.path", models.TINY_LORA, "is no model that can draft"),
            ("mmproj.path", models.TINY, "is no projector"),
            ("lora_adapters", models.TINY, "is no adapter"),
            ("control_vectors", models.TINY, "is no control vector for this model: it has to be a GGUF file with"),
        ],
    )
    def test_files_that_do_not_belong_to_the_model(self, field, file, message, tiny_params):
        path = str(models.tiny(file))
        with pytest.raises(xlc.ParameterError, match=re.escape(f"'{path}' {message}")):
            xlc.Server(tiny_params(**{field: path if "." in field else [path]}))

    def test_an_adapter_of_another_architecture(self, tiny_params):
        adapter = str(models.tiny(models.TINY_LORA))
        with pytest.raises(xlc.ParameterError, match="was made for llama, and the model is bert"):
            xlc.Server(tiny_params(models.TINY_ENCODER, embedding=True, lora_adapters=[adapter]))

    @pytest.mark.parametrize("kind", ["draft_dflash", "draft_dspark", "draft_eagle3"])
    def test_a_draft_that_was_not_made_for_its_way_to_draft(self, kind, tiny_params):
        draft = str(models.tiny(models.TINY_DRAFT))
        params = tiny_params(**{"speculative.draft.mparams.path": draft, "speculative.types": [kind]})
        with pytest.raises(xlc.ParameterError, match=r"is 'llama', and this way to draft .* needs a model"):
            xlc.Server(params)

    def test_a_draft_model_alone_drafts(self, tiny_params):
        request = {"prompt": "a b c", "max_tokens": 16, "temperature": 0}
        with xlc.Server(tiny_params()) as server:
            alone = server.handle_completions(request)
        # The model drafts for itself, so that something is accepted.
        with xlc.Server(tiny_params(**{"speculative.draft.mparams.path": str(models.tiny(models.TINY))})) as server:
            drafted = server.handle_completions(request)
        assert drafted["choices"][0]["text"] == alone["choices"][0]["text"]
        assert drafted["timings"]["draft_n"] > 0
        assert "draft_n" not in alone["timings"]

    @pytest.mark.parametrize("n_parallel", [3, 23])
    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"n_ctx": 100},
            {"n_ubatch": 64},
            {"kv_unified": True},
            {"n_ctx": 0, "kv_unified": True},
            {"kv_overrides": ["bert.context_length=bool:true"]},
        ],
        ids=str,
    )
    def test_batches_fit_any_number_of_slots(self, n_parallel, values, tiny_params):
        """llama.cpp aborts where n_ubatch is no multiple of the slots."""
        params = tiny_params(models.TINY_ENCODER, embedding=True, n_parallel=n_parallel, **values)
        with xlc.Server(params) as server:
            answer = server.handle_embeddings({"input": ["a", "b", "c"]})
        assert len(answer["data"]) == 3

    def test_top_k_above_the_vocabulary_is_all_of_it(self, tiny_params):
        params = tiny_params(**{"sampling.backend_sampling": True, "sampling.top_k": 100_000})
        with xlc.Server(params) as server:
            assert server.handle_completions({"prompt": "a", "max_tokens": 2})["choices"]

    def test_memory_that_no_request_can_use_is_warned_about(self, tiny_params, caplog):
        with xlc.Server(tiny_params(n_ctx=1024)):
            pass
        assert "n_ctx is 1024, but the model was trained with 512 tokens" in caplog.text

    def test_what_is_no_model_is_llama_cpps_to_refuse(self, tiny_params, tmp_path):
        (tmp_path / "m.gguf").write_bytes(b"GGUF but no more")
        with pytest.raises(xlc.ModelLoadError, match="could not load"):
            xlc.Server(tiny_params(**{"model.path": tmp_path / "m.gguf"}))
