"""Writes the JSON Schema of a configuration file from the native table of parameters."""

from __future__ import annotations

import json
from typing import Any

from xllamacpp._native.parameters import defaults
from xllamacpp._native.table import ENUMS, STRUCTURES, WORDS, Field, Kind, Structure

_SIMPLE = {"boolean": "boolean", "string": "string", "device": "string"}

# A field by its path from here on, as in {"sampling.temp": 0}: what it may hold is checked when the file is read.
_DOTTED: dict[str, Any] = {"^[a-z_0-9]+\\.": {}}


def schema() -> dict[str, Any]:
    """Return the schema, as draft 2020-12 of JSON Schema has it."""
    whole = _structure(STRUCTURES["common_params"])
    whole["properties"]["$schema"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "xllamacpp configuration",
        **whole,
        "$defs": {
            **{name: _structure(structure) for name, structure in STRUCTURES.items() if name != "common_params"},
            **{name: _enumeration(name) for name in ENUMS},
        },
    }


def schema_text() -> str:
    """Return the text of ``params.schema.json``."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _structure(structure: Structure) -> dict[str, Any]:
    values = defaults(structure.name)
    return {
        "type": "object",
        "description": structure.description.replace("``", ""),
        "properties": {field.name: _field(field, values.get(field.name, ...)) for field in structure.names.values()},
        "patternProperties": _DOTTED,
        "additionalProperties": False,
    }


def _field(field: Field, default: Any) -> dict[str, Any]:
    made = {**_kind(field.type), "description": field.description}
    if field.target:
        made["deprecated"] = True
    # Of a structure each field says its own; long lists of one value say nothing.
    elif field.type.kind not in {"structure", "array"} and not (isinstance(default, list) and len(default) > 16):
        made["default"] = default
    return made


def _kind(kind: Kind) -> dict[str, Any]:
    made = _bare_kind(kind)
    return {"anyOf": [made, {"type": "string"}]} if kind.text else made


def _bare_kind(kind: Kind) -> dict[str, Any]:
    if kind.kind in {"structure", "enum"}:
        return {"$ref": f"#/$defs/{kind.name}"}
    if kind.kind in {"integer", "number"}:
        return _number(kind)
    if kind.kind in {"list", "array", "set"}:
        length = {"maxItems": kind.length} if kind.length else {}
        length |= {"minItems": 1} if kind.non_empty else {}
        return {"type": "array", "items": _kind(kind.element), **length}
    if kind.kind == "map":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if kind.kind == "scalar":
        return {"type": ["boolean", "number", "string"]}
    return {"type": _SIMPLE[kind.kind]}


def _number(kind: Kind) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind.kind}
    made |= {} if kind.min is None else {"minimum": _whole(kind.min)}
    made |= {} if kind.max is None else {"maximum": _whole(kind.max)}
    made |= {"exclusiveMinimum": 0} if kind.positive else {}
    made |= {"not": {"const": 0}} if kind.non_zero else {}
    return {"anyOf": [made, {"const": "-inf"}]} if kind.minus_infinite else made


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _enumeration(name: str) -> dict[str, Any]:
    numbers = {value for member, value in ENUMS[name].items() if member in WORDS[name]}
    return {"enum": [*WORDS[name], *sorted(numbers)], "description": f"llama.cpp's {name}."}
