"""What there is to know of every field, in words: for the reference and for the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xllamacpp._native.examples import example_of
from xllamacpp._native.parameters import defaults
from xllamacpp._native.stubs import read_type
from xllamacpp._native.table import STRUCTURES, Field, Kind, Structure, join
from xllamacpp._native.views import to_python

# A longer list that holds one value many times is told by its length.
_LONG = 16


@dataclass(frozen=True)
class Facts:
    """A field, at the first place where its structure is."""

    structure: Structure
    field: Field

    @property
    def path(self) -> str:
        """Where it is in CommonParams: ``"lora_adapters[].scale"``."""
        return join(PLACES[self.structure.name][0], self.field.name)

    @property
    def type(self) -> str:
        """What Python reads there."""
        return read_type(self.field.type)

    @property
    def default(self) -> str:
        """Its default, as Python writes it; empty for a structure, whose own fields have theirs."""
        if self.field.type.kind == "structure":
            return ""
        return _text_of(defaults(self.structure.name)[self.field.name], self.field.type)

    @property
    def limits(self) -> str:
        """What a value has to be, where its type does not say it."""
        return _limits(self.field.type)

    @cached_property
    def example(self) -> str:
        """A line that sets it; empty for a structure."""
        if self.field.type.kind == "structure":
            return ""
        path = self.path.replace("[]", "[0]")
        return f"params.{path} = {example_of(self.structure, self.field)!r}"


def _find_places() -> dict[str, list[str]]:
    places: dict[str, list[str]] = {name: [] for name in STRUCTURES}

    def walk(name: str, path: str) -> None:
        places[name].append(path)
        for field in STRUCTURES[name].fields.values():
            here = join(path, field.name)
            if field.type.kind == "structure":
                walk(field.type.name, here)
            elif field.type.of is not None and field.type.of.kind == "structure":
                walk(field.type.of.name, here + "[]")

    walk("common_params", "")
    return places


PLACES = _find_places()
"""Every place of every structure in CommonParams."""


def all_facts() -> Iterator[Facts]:
    """Go through every field of every structure."""
    for structure in STRUCTURES.values():
        for field in structure.fields.values():
            yield Facts(structure, field)


def _text_of(value: Any, kind: Kind) -> str:
    if isinstance(value, list) and len(value) > _LONG:
        return f"[{_text_of(value[0], kind.element)}] * {len(value)}"
    if kind.kind == "set" and not value:
        return "set()"
    if isinstance(value, list):
        return f"[{', '.join(_text_of(item, kind.element) for item in value)}]"
    if kind.kind == "enum":
        return str(to_python(value, kind).name)
    return repr(to_python(value, kind))


def _limits(kind: Kind) -> str:
    limits = []
    # The bounds of the C++ types say nothing about the field.
    low = "" if kind.min is None or kind.min <= -(2**31) else _number(kind.min)
    high = "" if kind.max is None or kind.max >= 2**31 - 1 else _number(kind.max)
    if low and high:
        limits.append(f"{low} to {high}")
    elif low or high:
        limits.append(f"at least {low}" if low else f"at most {high}")
    limits += ["or minus infinity"] if kind.minus_infinite else []
    limits += ["above 0"] if kind.positive else []
    limits += ["not 0"] if kind.non_zero else []
    limits += ["not empty"] if kind.non_empty else []
    limits += [f"{kind.length} elements"] if kind.length else []
    if kind.choices:
        limits.append("one of " + ", ".join(to_python(value, kind).name for value in kind.choices))
    return ", ".join(limits)


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
