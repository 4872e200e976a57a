"""Wheel variants: one version whose wheels differ in what an installer chooses them by. PEP 825 and 850, both drafts.

A wheel that is a variant says in its name which one, and in ``variant.json`` what a machine has to have for it. Of the
installers only uv can choose, by NVIDIA's driver and GPUs, and only where it is told to. Every other one passes over
such names, and takes the wheel without one: the CPU's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from matrix.row import Cuda, MatrixError, Row

LABEL = "variants"
"""str: the local label of all variants of a version, and the folder of their index."""

# uv tells a draft by its URL, and reads those that it knows.
_SCHEMA = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
# What knows the properties of a namespace. uv runs none of it: it has this one built in, and asks for just these words.
_PROVIDERS = {
    "nvidia": {
        "requires": ["nvidia-variant-provider>=0.0.1"],
        "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
    }
}


@dataclass(frozen=True)
class Variant:
    """What the wheels of a row are among the variants of a version.

    Parameters
    ----------
    name : str or None
        What their names end with; None for those that any installer takes on any machine.
    properties : tuple of str
        What a machine has to have, as ``namespace :: feature :: value``: of each feature one of the values.
    """

    name: str | None
    properties: tuple[str, ...] = ()


def variant_of(row: Row) -> Variant:
    """Return what a row's wheels are among the variants.

    Raises
    ------
    MatrixError
        They can be none, as no installer knows of what they need.
    """
    if row.cuda:
        return Variant(row.wheel.label, tuple(f"nvidia :: {each}" for each in _nvidia(row.cuda)))
    if row.is_gpu:
        raise MatrixError(f"row {row.name}: its wheels are no variants: no installer looks for what they need")
    return Variant(None)


def _nvidia(cuda: Cuda) -> list[str]:
    """Return the values that suit, best first: a driver of the toolkit's own time is better than one that will do."""
    major, minor, *_ = cuda.toolkit.split(".")
    drivers = dict.fromkeys((f"{major}.{minor}", f"{major}.0"))
    # 120a: the provider knows GPUs by their number alone.
    codes = [(number.rstrip("a"), kind) for number, _, kind in (name.partition("-") for name in cuda.architectures)]
    return [
        *(f"cuda_version_lower_bound :: {version}" for version in drivers),
        *(f"sm_arch :: {number}_{kind}" for number, kind in codes),
    ]


def plain_name(file: str, name: str | None) -> str:
    """Return a wheel's file name without its variant's, as everything reads it that knows none."""
    return f"{file.removesuffix(f'-{name}.whl')}.whl" if name else file


def variants_json(variants: Mapping[str, tuple[str, ...]]) -> str:
    """Return the text that describes variants: ``variant.json`` of a wheel for one, an index's file for all.

    Parameters
    ----------
    variants : mapping of str to tuple of str
        Their properties by their names.
    """
    table: dict[str, dict[str, dict[str, list[str]]]] = {}
    for name, properties in variants.items():
        table[name] = defaultdict(lambda: defaultdict(list))
        for namespace, feature, value in (each.split(" :: ") for each in properties):
            table[name][namespace][feature].append(value)
    document = {
        "$schema": _SCHEMA,
        "default-priorities": {"namespace": list(_PROVIDERS)},
        "providers": _PROVIDERS,
        "variants": table,
    }
    return json.dumps(document, indent=1) + "\n"
