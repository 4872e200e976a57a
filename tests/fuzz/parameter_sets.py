"""Random sets of parameters, made from the native table: the same seed and index are the same set everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from fuzz.files import Files
from fuzz.values import value
from xllamacpp._native.table import ENUMS, STRUCTURES, Field, Structure, join

LEFT_OUT = {
    "model": "the worker names the model; its other fields would download one",
    "mmproj.url": "would download",
    "mmproj.hf_repo": "would download",
    "mmproj.hf_file": "would download",
    "mmproj.docker_repo": "would download",
    "speculative.draft.mparams.url": "would download",
    "speculative.draft.mparams.hf_repo": "would download",
    "speculative.draft.mparams.hf_file": "would download",
    "speculative.draft.mparams.docker_repo": "would download",
    "hf_token": "is for downloads",
    "port": "another program may have it, and then the outcome is not the set's own",
    "server_tools": "would start programs",
    "server_tools_runtime": "would start programs",
    "ui_mcp_proxy": "would fetch from elsewhere",
    "mcp_servers_config": "would start programs",
    "mcp_servers_json": "would start programs",
    "models_dir": "would start servers in processes of their own",
    "models_preset": "would start servers in processes of their own",
    "models_preset_hf": "would download",
    "video_ffmpeg_bin_dir": "would start programs",
    "cpuparams.priority": "real time: spinning threads that nothing else can stop take the machine",
    "cpuparams_batch.priority": "as above",
    "speculative.draft.cpuparams.priority": "as above",
    "speculative.draft.cpuparams_batch.priority": "as above",
}
"""dict of str: What is never set, with the reason. What lies under a path is left out with it."""

_PATHS = {
    "mmproj.path": ("", "missing", "garbage", "truncated.gguf", "model"),
    "speculative.draft.mparams.path": (
        *("draft", "draft", "model", "other vocabulary"),
        *("encoder", "lora", "missing", "garbage", "truncated.gguf", "writable"),
    ),
    "speculative.ngram_cache.lookup_cache_static": ("missing", "garbage", "model"),
    "speculative.ngram_cache.lookup_cache_dynamic": ("missing", "garbage", "writable", "writable/lookup"),
    "ssl_file_key": ("", "missing", "garbage"),
    "ssl_file_cert": ("", "missing", "garbage"),
    "public_path": ("", "missing", "garbage", "writable"),
    "media_path": ("", "missing", "writable"),
    "slot_save_path": ("", "missing", "garbage", "writable"),
    "path_prompts_log_dir": ("missing", "garbage", "writable", "writable/prompts"),
}

_DRAFT = "speculative.draft.mparams.path"

_ADAPTERS = ("lora", "lora", "model", "missing", "garbage", "truncated.gguf")

# Entries of the tiny models' metadata, and one that nothing reads.
_METADATA = (
    *("llama.context_length", "llama.block_count", "llama.embedding_length", "llama.attention.head_count"),
    *("llama.feed_forward_length", "llama.rope.freq_base", "llama.expert_count", "llama.expert_used_count"),
    *("llama.attention.causal", "llama.pooling_type", "bert.context_length", "bert.attention.causal"),
    *("llama.expert_group_count", "llama.attention.layer_norm_rms_epsilon", "llama.rope.scaling.type"),
    *("llama.nextn_predict_layers", "bert.pooling_type", "bert.attention.key_length"),
    *("tokenizer.ggml.bos_token_id", "tokenizer.ggml.add_bos_token", "tokenizer.ggml.model", "general.architecture"),
    "no.such.entry",
)

# Chance would hardly ever write one of these.
_TEXTS = {
    "chat_template": (
        *(
            "",
            "chatml",
            "no such",
            "{{",
            "{% for m in messages %}{{ m.content }}{% endfor %}",
            "{{ messages[9].role }}",
        ),
        "{{ raise_exception('no') }}",
    ),
    "sampling.grammar.grammar": (
        *("", 'root ::= "a"', "root ::= [a-z]*", "root ::= ", "root ::= root", "root ::= [", 'other ::= "a"'),
        *("root ::= " + "(" * 100, 'root ::= "a"{1000000}', '%llguidance {}\nstart: "a"', "%llguidance {"),
    ),
    "api_prefix": ("", "/", "/api", "api", "/api/", "/v1"),
    "ui_config_json": ("", "{}", "{", "[]", "null"),
    "cors_origins": ("", "*", "localhost", "http://127.0.0.1", ","),
}

# Names that lead out of the machine, or to all of its addresses, are left out.
_HOSTNAMES = (["127.0.0.1"], ["localhost"], ["::1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "127.0.0.1"])


@dataclass(frozen=True)
class ParameterSet:
    """One set: fields by their paths, and what is asked of the server.

    Parameters
    ----------
    model : str
        The file that is served.
    fields : dict
        Values by path, e.g. ``{"sampling.temp": 0.5}``, in the order in which they are assigned.
    requests : tuple of str
        What is asked: names that the worker knows.
    """

    model: str
    fields: dict[str, Any]
    requests: tuple[str, ...]


@dataclass(frozen=True)
class _Purpose:
    """What a server is for: its model, the fields that say so, and what it is asked."""

    model: str
    fields: dict[str, Any]
    requests: tuple[str, ...]


_PURPOSES = (
    _Purpose("model", {}, ("completion", "completion", "long completion", "two completions", "chat")),
    _Purpose("model", {"embedding": True}, ("completion", "embedding")),
    _Purpose("encoder", {"embedding": True}, ("embedding",)),
    _Purpose(
        *("reranker", {"embedding": True, "pooling_type": ENUMS["llama_pooling_type"]["LLAMA_POOLING_TYPE_RANK"]}),
        ("rerank",),
    ),
)


def parameter_set(seed: str, index: int, files: Files) -> ParameterSet:
    """Make the set of this number.

    Parameters
    ----------
    seed : str
        Which of many series.
    index : int
        Which one in the series.
    files : Files
        What its paths lead to.

    Returns
    -------
    ParameterSet
        The set.
    """
    random = Random(f"{seed}:{index}")
    weights = _weights()
    if random.random() < 0.3:
        # The fields of one group: they bound each other.
        group = random.choice(_groups())
        weights = {path: weight for path, weight in weights.items() if _group(path) == group}
    chosen = random.choices(list(weights), list(weights.values()), k=random.randint(1, 8))
    fields = {path: _choose(random, path, files) for path in chosen}
    # Alone, these would hardly ever be set together, and then mean nothing.
    if random.random() < 0.2:
        fields |= {path: _choose(random, path, files) for path in ("speculative.types", _DRAFT)}
    if random.random() < 0.1:
        fields["lora_adapters"] = _choose(random, "lora_adapters", files)
    purpose = random.choices(_PURPOSES, (7, 1, 1, 1))[0]
    # Now and then what it is for is forgotten, or asked of another model.
    model = purpose.model if random.random() < 0.9 else random.choice(_PURPOSES).model
    if random.random() < 0.95:
        fields = {**purpose.fields, **fields}
    requests = random.choices((*purpose.requests, random.choice(_PURPOSES).requests[-1]), k=random.randint(1, 3))
    return ParameterSet(files.path(model), fields, tuple(dict.fromkeys(requests)))


def _choose(random: Random, path: str, files: Files) -> Any:
    if path in _PATHS:
        name = random.choice(_PATHS[path])
        return name and files.path(name)
    if path == "lora_adapters":
        return [_adapter(random, files) for _ in range(random.choice((0, 1, 1, 2)))]
    if path == "control_vectors":
        return [files.path(random.choice(_ADAPTERS)) for _ in range(random.choice((0, 1, 2)))]
    if path == "kv_overrides":
        scalar = STRUCTURES["llama_model_kv_override"].fields["value"].type
        return [
            {"key": random.choice(_METADATA), "value": value(random, scalar)} for _ in range(random.choice((1, 1, 2)))
        ]
    if path == "hostnames":
        return random.choice([*_HOSTNAMES, [files.path("writable/socket.sock")]])
    if path in _TEXTS and random.random() < 0.8:
        return random.choice(_TEXTS[path])
    return value(random, _fields()[path].type)


def _adapter(random: Random, files: Files) -> dict[str, Any]:
    fields = STRUCTURES["common_adapter_lora_info"].fields
    made = {name: value(random, fields[name].type) for name in fields}
    return {**made, "path": files.path(random.choice(_ADAPTERS))}


@cache
def _fields() -> dict[str, Field]:
    """Return the fields that a set may have, by their paths."""
    return dict(_walk(STRUCTURES["common_params"], ""))


def _walk(structure: Structure, path: str) -> Iterator[tuple[str, Field]]:
    for field in structure.fields.values():
        here = join(path, field.name)
        if here in LEFT_OUT:
            continue
        if field.type.kind == "structure":
            yield from _walk(STRUCTURES[field.type.name], here)
        else:
            yield here, field


@cache
def _weights() -> dict[str, int]:
    """Return how often each field should be chosen: mostly those that a server reads."""
    return {path: 1 if _group(path).startswith("Other programs") else 20 for path in _fields()}


@cache
def _groups() -> list[str]:
    """Return the groups whose fields a server reads."""
    groups = dict.fromkeys(map(_group, _fields()))
    return [group for group in groups if not group.startswith("Other programs")]


def _group(path: str) -> str:
    return STRUCTURES["common_params"].fields[path.partition(".")[0]].group
