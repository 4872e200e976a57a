"""Every name that people write: the document's, those of the package they come from, and llama.cpp's older ones."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

import xllamacpp as xlc
from xllamacpp import params as params_module
from xllamacpp._native.table import CONSTANTS, STRUCTURES

pytestmark = pytest.mark.filterwarnings("ignore::xllamacpp.ParameterWarning")

NAMED_BY_THE_DOCUMENT = {
    "model.path": "m.gguf",
    "mmproj.path": "p.gguf",
    "n_ctx": 512,
    "n_predict": 128,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_parallel": 4,
    "cont_batching": True,
    "cache_prompt": True,
    "n_cache_reuse": 256,
    "warmup": True,
    "endpoint_metrics": True,
    "endpoint_slots": True,
    "embedding": True,
    "reranking": True,
    "pooling_type": xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK,
    "reasoning_format": xlc.common_reasoning_format.COMMON_REASONING_FORMAT_NONE,
    "enable_reasoning": 1,
    "reasoning_budget": 1024,
    "sleep_idle_seconds": 60,
    "cpuparams.n_threads": 4,
    "cpuparams_batch.n_threads": 4,
    "sampling.temp": 0.0,
    "sampling.top_k": 1,
    "sampling.top_p": 0.5,
    "sampling.seed": 42,
    "sampling.reasoning_budget_tokens": 500,
    "speculative.mparams_dft.path": "d.gguf",
    "speculative.n_min": 4,
    "speculative.n_max": 8,
    "speculative.type": xlc.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE,
    "speculative.ngram_size_n": 12,
    "speculative.ngram_size_m": 48,
    "speculative.ngram_min_hits": 1,
}

PEER = tomllib.loads(Path(__file__).with_name("peer_params.toml").read_text(encoding="utf-8"))

PEER_PLACES = {
    "CommonParams": "",
    "CommonParamsModel": "model",
    "CpuParams": "cpuparams",
    "CommonParamsSampling": "sampling",
    "CommonParamsSpeculative": "speculative",
    "CommonParamsSpeculativeDraft": "speculative.draft",
    "CommonParamsSpeculativeNgramMap": "speculative.ngram_map_k",
    "CommonParamsSpeculativeNgramMod": "speculative.ngram_mod",
    "CommonParamsSpeculativeNgramCache": "speculative.ngram_cache",
    "CommonParamsDiffusion": "diffusion",
}

NEWER = "a field of a newer llama.cpp than the pinned one"
DIFFERENCES = {
    "activation_statistics": NEWER,
    "load_mtp": NEWER,
    "moe_cache_size": NEWER,
    "speculative.draft.probabilistic": NEWER,
    "sampling.samplers": "a list in llama.cpp, as the text that it is there: test_samplers_as_text",
    "tensor_buft_overrides": "a list in llama.cpp, text there; empty in both",
    "speculative.draft.tensor_buft_overrides": "a list in llama.cpp, text there; empty in both",
    "speculative.draft.devices": "a list in llama.cpp, text there; empty in both",
}


def follow(value, path):
    for name in filter(None, path.split(".")):
        value = getattr(value, name)
    return value


def assign(params, path, value):
    owner, _, name = path.rpartition(".")
    setattr(follow(params, owner), name, value)


@pytest.mark.parametrize(("path", "value"), NAMED_BY_THE_DOCUMENT.items())
def test_names_of_the_document(path, value):
    params = xlc.CommonParams()
    assign(params, path, value)
    assert follow(params, path) == value
    assert type(follow(params, path)) is type(value)
    assert follow(xlc.CommonParams.from_dict({path: value}), path) == value


def python_value(text):
    """Read a value as Python printed it; a structure is None."""
    if text.startswith("<"):
        return None
    if repeated := re.fullmatch(r"\[(\w+)\]\*(\d+)", text):
        return [ast.literal_eval(repeated[1])] * int(repeated[2])
    if enumerators := re.findall(r"<\w+\.(\w+): \d+>", text):
        return [ENUMERATORS[name] for name in enumerators]
    return set() if text == "set()" else ENUMERATORS[text] if text in ENUMERATORS else ast.literal_eval(text)


ENUMERATORS = {name: value for members in PEER["enums"].values() for name, value in members.items()}

PEER_ATTRIBUTES = [
    (f"{place}.{name}".lstrip("."), text) for cls, place in PEER_PLACES.items() for name, text in PEER[cls].items()
]


@pytest.mark.parametrize(("path", "text"), PEER_ATTRIBUTES)
def test_every_attribute_of_the_peer_with_its_default(path, text):
    if DIFFERENCES.get(path) == NEWER:
        with pytest.raises(AttributeError, match="has no field"):
            follow(xlc.CommonParams(), path)
        return
    ours = follow(xlc.CommonParams(), path)
    if text == "method":
        assert callable(ours)
    elif path in DIFFERENCES:
        assert ours != python_value(text), "there is no difference: take it off the list"
        assert not ours or path == "sampling.samplers"
    elif text.startswith("<"):
        assert type(ours).__name__ in {text[1:-1], f"Common{text[1:-1]}"}
    else:
        assert ours == python_value(text)


@pytest.mark.parametrize("name", PEER["enums"])
def test_every_enumerator_of_the_peer(name):
    ours = {member: int(value) for member, value in getattr(xlc, name).__members__.items()}
    assert PEER["enums"][name].items() <= ours.items()


def test_every_constant_of_the_peer():
    assert PEER["constants"].items() <= CONSTANTS.items()
    assert {name: getattr(xlc, name) for name in CONSTANTS} == CONSTANTS


def test_samplers_as_text():
    params = xlc.CommonParams()
    before = list(params.sampling.samplers)
    params.sampling.samplers = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature"
    assert params.sampling.samplers == before
    params.sampling.samplers = "top_k;temperature"
    assert [sampler.name for sampler in params.sampling.samplers] == [
        "COMMON_SAMPLER_TYPE_TOP_K",
        "COMMON_SAMPLER_TYPE_TEMPERATURE",
    ]
    with pytest.raises(xlc.ParameterError, match=r'sampling\.samplers\.0: .*got "top_q"; did you mean .top_k'):
        params.sampling.samplers = "top_q"


ALIASES = [(structure, alias) for structure in STRUCTURES.values() for alias in structure.aliases.values()]


class TestOlderNames:
    @pytest.mark.parametrize(("structure", "alias"), ALIASES, ids=lambda row: row.name)
    def test_are_documented(self, structure, alias):
        assert alias.target in alias.description
        assert alias.doc

    @pytest.mark.parametrize(
        ("path", "value", "today", "expected"),
        [
            ("reasoning_budget", 7, "sampling.reasoning_budget_tokens", 7),
            ("hostname", "::1", "hostnames", ["::1"]),
            ("webui", False, "ui", False),
            ("webui_config_json", "{}", "ui_config_json", "{}"),
            ("webui_mcp_proxy", True, "ui_mcp_proxy", True),
            ("reranking", True, "pooling_type", xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK),
            ("use_mmap", False, "load_mode", xlc.llama_load_mode.LLAMA_LOAD_MODE_NONE),
            ("use_mlock", True, "load_mode", xlc.llama_load_mode.LLAMA_LOAD_MODE_MMAP_MLOCK),
            ("use_direct_io", True, "load_mode", xlc.llama_load_mode.LLAMA_LOAD_MODE_DIRECT_IO),
            ("speculative.mparams_dft", {"path": "d"}, "speculative.draft.mparams.path", "d"),
            ("speculative.n_max", 5, "speculative.draft.n_max", 5),
            ("speculative.n_min", 5, "speculative.draft.n_min", 5),
            ("speculative.p_min", 0.5, "speculative.draft.p_min", 0.5),
            ("speculative.p_split", 0.5, "speculative.draft.p_split", 0.5),
            ("speculative.n_gpu_layers", 5, "speculative.draft.n_gpu_layers", 5),
            ("speculative.cache_type_k", "q8_0", "speculative.draft.cache_type_k", xlc.ggml_type.GGML_TYPE_Q8_0),
            ("speculative.cache_type_v", "q8_0", "speculative.draft.cache_type_v", xlc.ggml_type.GGML_TYPE_Q8_0),
            ("speculative.cpuparams", {"n_threads": 3}, "speculative.draft.cpuparams.n_threads", 3),
            ("speculative.cpuparams_batch", {"n_threads": 3}, "speculative.draft.cpuparams_batch.n_threads", 3),
            ("speculative.devices", ["none"], "speculative.draft.devices", ["none"]),
            ("speculative.tensor_buft_overrides", [], "speculative.draft.tensor_buft_overrides", []),
            ("speculative.lookup_cache_static", "f", "speculative.ngram_cache.lookup_cache_static", "f"),
            ("speculative.lookup_cache_dynamic", "f", "speculative.ngram_cache.lookup_cache_dynamic", "f"),
            ("speculative.type", "ngram_mod", "speculative.types", [9]),
            ("speculative.ngram_size_n", 5, "speculative.ngram_map_k.size_n", 5),
            ("speculative.ngram_size_m", 5, "speculative.ngram_map_k4v.size_m", 5),
            ("speculative.ngram_min_hits", 5, "speculative.ngram_simple.min_hits", 5),
        ],
    )
    def test_work_both_ways(self, path, value, today, expected):
        params = xlc.CommonParams()
        assign(params, path, value)
        assert follow(params, today) == expected
        other = xlc.CommonParams.from_dict({today: follow(params, today)})
        if path == "reranking":
            other.embedding = True
        if not path.startswith("speculative.ngram_"):
            assert follow(other, path) == follow(params, path)

    def test_all_of_them_are_in_the_list_above(self):
        cases = {case[0].split(".")[-1] for case in self.test_work_both_ways.pytestmark[0].args[1]}
        # An override's tag is no older name: test_tag_follows_from_the_value has it.
        assert {alias.name for _, alias in ALIASES} == cases | {"tag"}

    @pytest.mark.parametrize("mode", xlc.llama_load_mode)
    @pytest.mark.parametrize("name", ["use_mmap", "use_mlock", "use_direct_io"])
    @pytest.mark.parametrize("value", [False, True])
    def test_load_switches_read_as_they_were_set(self, mode, name, value):
        params = xlc.CommonParams(load_mode=mode)
        if getattr(params, name) == value:
            setattr(params, name, value)
            assert params.load_mode is mode
        else:
            setattr(params, name, value)
            assert getattr(params, name) == value

    @pytest.mark.parametrize("use", ["p.use_mlock", "p.use_mlock = True", "xlc.CommonParams(use_mlock=True)"])
    def test_warn_once_where_they_say_less(self, use):
        """In a process of its own: another test may have used the name before."""
        code = f"""
import warnings
import xllamacpp as xlc
p = xlc.CommonParams()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        {use}
    p.reasoning_budget = 5
    p.speculative.n_min = 5
print(len(caught), caught[0].category.__name__, caught[0].filename, caught[0].message)
"""
        run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
        assert re.fullmatch(
            r"1 ParameterWarning .* CommonParams\.use_mlock is an older name: .* Use load_mode\.\n", run.stdout
        )
        if use.startswith("p."):
            assert "<string>" in run.stdout, "the warning shows the caller's line"

    def test_do_not_warn_where_nothing_changed(self):
        params = xlc.CommonParams()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for structure, alias in ALIASES:
                if not alias.changed and structure.name in {"common_params", "common_params_speculative"}:
                    getattr(params.speculative if structure.name.endswith("speculative") else params, alias.name)


def test_tag_follows_from_the_value():
    override = params_module.LlamaModelKvOverride("k", 1)
    kinds = xlc.llama_model_kv_override_type
    for value, kind in [(1, "INT"), (1.5, "FLOAT"), (True, "BOOL"), ("x", "STR")]:
        override.value = value
        assert override.value == value
        assert type(override.value) is type(value)
        assert override.tag is kinds[f"LLAMA_KV_OVERRIDE_TYPE_{kind}"]
    override.value = 2
    override.tag = "float"
    assert (override.value, type(override.value)) == (2.0, float)
    with pytest.raises(xlc.ParameterError, match="assign a value of another type"):
        override.tag = "str"
