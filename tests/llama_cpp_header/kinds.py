"""The kinds of types: as C++ has them, as rows of the table have them, and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clang.cindex import Type, TypeKind

from llama_cpp_header.header import Filled, Header, Unknown

CONTAINERS = {"vector": "list", "set": "set", "map": "map"}
_SIGNED = {TypeKind.CHAR_S, TypeKind.SCHAR, TypeKind.SHORT, TypeKind.INT, TypeKind.LONG, TypeKind.LONGLONG}
_UNSIGNED = {TypeKind.CHAR_U, TypeKind.UCHAR, TypeKind.USHORT, TypeKind.UINT, TypeKind.ULONG, TypeKind.ULONGLONG}


def plain_kind(type: Type) -> dict[str, Any]:
    """Return a type as the table has it, but for its elements."""
    exact = type.get_canonical()
    name = exact.get_declaration().spelling
    bits = 8 * exact.get_size()
    if exact.kind == TypeKind.BOOL:
        return {"kind": "boolean"}
    if exact.kind in _SIGNED:
        return {"kind": "integer", "min": -(2 ** (bits - 1)), "max": 2 ** (bits - 1) - 1}
    if exact.kind in _UNSIGNED:
        return {"kind": "integer", "min": 0, "max": 2**bits - 1}
    if exact.kind in {TypeKind.FLOAT, TypeKind.DOUBLE}:
        return {"kind": "number"}
    if exact.kind == TypeKind.ENUM:
        return {"kind": "enum", "name": name}
    if exact.kind == TypeKind.CONSTANTARRAY:
        return {"kind": "array", "length": exact.element_count}
    if exact.spelling.startswith("std::"):
        # A class that is not known here has a kind that no row has.
        return {"kind": "string" if name == "basic_string" else CONTAINERS.get(name, f"std::{name}")}
    if exact.kind == TypeKind.RECORD:
        return {"kind": "structure", "name": name}
    return {"kind": "device" if exact.spelling == "ggml_backend_device *" else "pointer"}


def element_type(type: Type) -> Type | None:
    """Return the type of a container's elements."""
    kind = plain_kind(type)["kind"]
    exact = type.get_canonical()
    if kind == "array":
        return exact.element_type
    if kind in CONTAINERS.values():
        return exact.get_template_argument_type(1 if kind == "map" else 0)
    return None


def kind_text(row: Mapping[str, Any]) -> str:
    """Return a row's type in words."""
    if row["kind"] == "integer":
        return f"an integer from {int(row['min'])} to {int(row['max'])}"
    words = [row["kind"], row.get("name", ""), str(row.get("length", ""))]
    return " ".join([*filter(None, words), *([f"of {kind_text(row['of'])}"] if "of" in row else [])])


def default_text(value: Any, kind: Mapping[str, Any], header: Header) -> str:
    """Return a default as C++ would have it."""
    if isinstance(value, Unknown):
        return value.text
    if isinstance(value, Filled):
        return f"{{{default_text(value.value, kind['of'], header)}, ...}}"
    if value is None:
        return "nullptr"
    if kind["kind"] == "structure":
        return json.dumps(value) if value else ""
    if isinstance(value, list):
        shown = [default_text(item, kind["of"], header) for item in value]
        if len(shown) > 2 and len(set(shown)) == 1:
            shown = [shown[0], "..."]
        return f"{{{', '.join(shown)}}}"
    if kind["kind"] == "enum":
        names = {number: name for name, number in header.enums[kind["name"]].values.items()}
        return names.get(value, str(value))
    return json.dumps(value)
