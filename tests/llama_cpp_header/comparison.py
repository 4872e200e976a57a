"""Where the table of parameters says otherwise than llama.cpp's headers, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llama_cpp_header.header import Filled, Header, Member, Unknown
from llama_cpp_header.kinds import default_text, kind_text
from llama_cpp_header.reading import CHECKOUT

SOURCES = CHECKOUT / "native" / "src"

# What the table may say otherwise than llama.cpp.
OWN_DEFAULTS = {
    ("common_params", "port"): 0,  # 8080: several servers in one process must not fight for one port
    ("common_adapter_lora_info", "scale"): 1.0,  # left open: an adapter counts fully unless it is said otherwise
    ("common_control_vector_load_info", "strength"): 1.0,  # left open, and the same
}

# Unions and handles: the table describes these its own way, so only whether a member is there can be compared.
_BY_HAND = {"llama_model_kv_override", "llama_model_tensor_buft_override"}

# A row's bound that is one of these comes from its C++ type and not from a limit of ours.
_LARGEST = {2**bits - 1 for bits in (31, 32, 63, 64)}


def compare(header: Header, table: Mapping[str, Any], sources: Path = SOURCES) -> list[str]:
    """Return what is to be done until the table says what the header says.

    Parameters
    ----------
    header : Header
        What llama.cpp says.
    table : mapping
        What ``_core.Params.table()`` says, and under ``"defaults"`` the values of each structure when it is new.
    sources : Path
        The folder with the table's rows, to tell which file a row belongs to.
    """
    return [
        *_compare_structures(header, table, _homes(sources)),
        *_compare_enums(header, table["enums"]),
        *_compare_constants(header.constants, table),
    ]


_Homes = dict[tuple[str, str], str]


def _homes(sources: Path) -> _Homes:
    """Find the file of each structure, under the name "", and of each of its rows."""
    mentions = re.compile(
        r"structure_of<(?P<one>\w+)>\(\) \{|\(structure<(?P<part>\w+)> & \w+\)|"
        r"(?:FIELD\(|(?:omit|row)\(\")(?P<member>\w+)"
    )
    homes: _Homes = {}
    for path in sorted((sources / "params").glob("*.cpp")):
        structure = ""
        for mention in mentions.finditer(path.read_text(encoding="utf-8")):
            if mention["part"] != "self":
                structure = mention["one"] or mention["part"] or structure
                homes.setdefault((structure, mention["member"] or ""), f"native/src/params/{path.name}")
    return homes


def _compare_structures(header: Header, table: Mapping[str, Any], homes: _Homes) -> Iterator[str]:
    reached = _reached(header, table)
    for name in reached:
        if name in table["structures"]:
            yield from _compare_structure(header, table, homes, name)
            continue
        place = next(iter(header.structures[name].values())).place
        yield f"native/src/params/fields.h: structure_of<{name}>(), and in params.cpp's structures()   // {place}"
        for member in header.structures[name].values():
            yield _line_to_add(member, homes, header)
    for name in table["structures"]:
        if name not in header.structures:
            yield f"{homes.get((name, ''), 'native/src')}: remove structure_of<{name}>(): llama.cpp has no {name}"


def _reached(header: Header, table: Mapping[str, Any]) -> dict[str, None]:
    """Return the structures that the table has to have, in order: those that something not left out holds."""
    found: dict[str, None] = {}
    waiting = ["common_params"]
    while waiting:
        name = waiting.pop(0)
        if name in found or (name in _BY_HAND and name not in table["structures"]):
            continue
        found[name] = None
        omitted = {row["name"] for row in table["omitted"].get(name, ())}
        kinds = [_innermost(member.kind) for member in header.structures[name].values() if member.name not in omitted]
        waiting += [kind["name"] for kind in kinds if kind["kind"] == "structure"]
    return found


def _innermost(kind: Mapping[str, Any]) -> Mapping[str, Any]:
    while "of" in kind:
        kind = kind["of"]
    return kind


def _compare_structure(header: Header, table: Mapping[str, Any], homes: _Homes, name: str) -> Iterator[str]:
    members = header.structures[name]
    rows = {row["name"]: row["type"] for row in table["structures"][name]}
    reasons = {row["name"]: row["reason"] for row in table["omitted"][name]}
    by_hand = {row["name"] for row in table["aliases"][name]} if name in _BY_HAND else set()
    for member in members.values():
        home = homes.get((name, member.name), "native/src")
        if member.name in reasons:
            if not reasons[member.name]:
                yield f'{home}: s.omit("{member.name}", ...) has to say why {name} goes without it'
        elif member.name not in rows:
            if member.name not in by_hand:
                yield _line_to_add(member, homes, header)
        elif name not in _BY_HAND:
            row = rows[member.name]
            if not _same_kind(member.kind, row):
                yield (
                    f"{home}: the row of {name}::{member.name} takes {kind_text(row)}, but the member is "
                    f"{member.written} ({member.place}): build again, and see whether the row still fits"
                )
            else:
                yield from _compare_default(header, table, member)
    for gone in [] if name in _BY_HAND else [*rows, *reasons]:
        if gone not in members:
            row_text = f"s.row(FIELD({gone}), ...)" if gone in rows else f's.omit("{gone}", ...)'
            yield f"{homes.get((name, gone), 'native/src')}: remove {row_text}: {name} has no member {gone}"


def _line_to_add(member: Member, homes: _Homes, header: Header) -> str:
    """Return the row that a member lacks, in the file that has its neighbour's."""
    names = list(header.structures[member.structure])
    here = names.index(member.name)
    near = ((member.structure, name) for name in [*reversed(names[:here]), *names[here:], ""])
    home = next((homes[row] for row in near if row in homes), "native/src/params/fields_*.cpp")
    is_handle = _innermost(member.kind)["kind"] == "pointer"
    row = f's.omit("{member.name}", "...");' if is_handle else f's.row(FIELD({member.name}), "...");'
    return f"{home}: {row}   // {member.structure}::{member.name}, {member.written}, {member.place}"


def _same_kind(kind: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a row's type can be a member's type; its bounds may be narrower."""
    if kind["kind"] in {"device", "pointer"} or kind.get("name") in _BY_HAND:
        return True
    if kind["kind"] != row["kind"] or kind.get("name") != row.get("name"):
        return False
    if kind["kind"] == "integer":
        from_another_type = row["max"] in _LARGEST and row["max"] != kind["max"]
        return kind["min"] <= row["min"] and row["max"] <= kind["max"] and not from_another_type
    if kind["kind"] == "array" and kind["length"] != row["length"]:
        return False
    return "of" not in kind or _same_kind(kind["of"], row["of"])


def _compare_default(header: Header, table: Mapping[str, Any], member: Member) -> Iterator[str]:
    wanted = OWN_DEFAULTS.get((member.structure, member.name), member.default)
    ours = table["defaults"][member.structure][member.name]
    kind = member.kind["kind"]
    name = f"{member.structure}::{member.name}"
    if isinstance(wanted, Unknown):
        yield f"tests/llama_cpp_header/comparison.py: cannot tell the default of {name}: {wanted.text} ({member.place})"
        return
    if isinstance(wanted, Filled):
        agree = bool(ours) and all(value == wanted.value for value in ours)
    elif kind == "structure":
        # Said once, by its own members, and not again wherever it is held.
        agree = member.kind["name"] in _BY_HAND or ours == table["defaults"][member.kind["name"]]
    elif kind == "set":
        agree = sorted(ours) == sorted(wanted)
    else:
        agree = kind in {"device", "pointer"} or ours == wanted
    if not agree:
        yield (
            f"{name} is {default_text(wanted, member.kind, header)} by default ({member.place}), but "
            f"{default_text(ours, member.kind, header)} in the table: build again, or name it in OWN_DEFAULTS of "
            "tests/llama_cpp_header/comparison.py"
        )


def _compare_enums(header: Header, ours: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    home = "native/src/params/enums.cpp"
    for name in [*ours, *sorted(header.used - ours.keys())]:
        enum = header.enums.get(name)
        if enum is None:
            yield f"{home}: remove {name}: llama.cpp has no such enumeration"
        elif name not in ours:
            values, place = ", ".join(map(_enumerator_line, enum.values)), next(iter(enum.places.values()))
            yield f'{home}: {{"{name}", {{{values}}}}}, NAME({name})   // {place}'
        else:
            for enumerator, value in enum.values.items():
                if enumerator not in ours[name]:
                    yield f"{home}: {_enumerator_line(enumerator)}   // {name}, {value}, {enum.places[enumerator]}"
                elif ours[name][enumerator] != value:
                    yield (
                        f"{home}: {enumerator} is {value} ({enum.places[enumerator]}), but {ours[name][enumerator]} "
                        "in the table: build again"
                    )
            for gone in ours[name]:
                if gone not in enum.values:
                    yield f"{home}: remove {_enumerator_line(gone)}: {name} has no such enumerator"


def _enumerator_line(name: str) -> str:
    return f"{'COUNT' if name.endswith(('_COUNT', '_MAX_VALUE')) else 'VALUE'}({name})"


def _compare_constants(constants: Mapping[str, int], table: Mapping[str, Any]) -> Iterator[str]:
    home = "native/src/params/enums.cpp"
    ours = table["constants"]
    for name in sorted({*constants, *ours}):
        if name not in ours:
            yield f"{home}: VALUE({name})   // constants(), {constants[name]}"
        elif name not in constants:
            yield f"{home}: remove VALUE({name}): llama.cpp has no such constant"
        elif ours[name] != constants[name]:
            yield f"{home}: {name} is {constants[name]}, but {ours[name]} in the table: build again"
