"""Random values for every field of the table, for tests by Hypothesis."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from xllamacpp import enums
from xllamacpp._native.table import STRUCTURES, Field, Kind

_LARGEST_FLOAT = 3.4028234663852886e38
_FLOAT_BITS = 32

# What llama.cpp's parameters hold as a C string ends at a NUL.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Make values that a field of `kind` takes, as Python has them."""
    return {
        "boolean": lambda: st.booleans(),
        "integer": lambda: _integers(kind),
        "number": lambda: _numbers(kind),
        "string": lambda: texts,
        "enum": lambda: st.sampled_from(_members(kind)),
        "list": lambda: st.lists(values(kind.element), min_size=int(kind.non_empty), max_size=3),
        "array": lambda: st.lists(values(kind.element), max_size=4),
        "set": lambda: st.lists(values(kind.element), max_size=3, unique=True),
        "map": lambda: st.dictionaries(texts, texts, max_size=3),
        "scalar": lambda: (
            st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
        ),
        # This machine may have no device but the CPU, whose memory is the one that can be named.
        "device": lambda: st.just("CPU"),
        "structure": lambda: structures(kind.name),
    }[kind.kind]()


def _integers(kind: Kind) -> st.SearchStrategy[int]:
    chosen = st.integers(int(kind.min), int(kind.max) if kind.max is not None else 2**31 - 1)
    return chosen.filter(bool) if kind.non_zero else chosen


def _numbers(kind: Kind) -> st.SearchStrategy[float]:
    finite = st.floats(
        -_LARGEST_FLOAT if kind.min is None else kind.min,
        _LARGEST_FLOAT if kind.max is None else kind.max,
        width=_FLOAT_BITS,
        allow_nan=False,
        exclude_min=False,
    )
    if kind.positive:
        finite = finite.map(abs).filter(bool)
    return finite | st.just(-math.inf) if kind.minus_infinite else finite


def _members(kind: Kind) -> list[Any]:
    members = getattr(enums, kind.name)
    if kind.choices:
        return [members(value) for value in kind.choices]
    return [member for name, member in members.__members__.items() if not name.endswith(("_COUNT", "_MAX_VALUE"))]


def _field_values(structure: str, field: Field) -> st.SearchStrategy[Any]:
    special = _SPECIAL.get((structure, field.name))
    if special is not None:
        return special
    if field.type.length and field.type.kind == "list":
        # One value counts for all of them.
        return st.lists(values(field.type.element), min_size=1, max_size=1)
    return values(field.type)


_devices = st.sampled_from([[], ["none"]])
_json_texts = st.sampled_from(["true", '"high"', "5", "null", '{"a": [1]}'])

_SPECIAL: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("common_params", "devices"): _devices,
    ("common_params", "mmproj_device"): st.just(""),
    ("common_params_speculative_draft", "devices"): _devices,
    ("common_params", "default_template_kwargs"): st.dictionaries(texts, _json_texts, max_size=3),
    ("common_params", "ui_config_json"): _json_texts,
    ("common_params", "mcp_servers_json"): _json_texts,
    ("llama_model_kv_override", "key"): st.text("abc._", min_size=1, max_size=20),
    ("llama_model_tensor_buft_override", "pattern"): st.text("abc.*", min_size=1, max_size=20),
}


def structures(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make dicts with some of the fields of structure `name`."""
    fields = {field.name: _field_values(name, field) for field in STRUCTURES[name].fields.values()}
    # Few at a time: of 250 fields Hypothesis could not shrink a failure to the one that matters.
    return st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )
