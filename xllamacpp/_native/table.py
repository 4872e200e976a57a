"""The native table of parameters, read once: what fields there are and what each of them takes.

Its rows are written in ``native/src/params_fields_*.cpp``; nothing about a field is said a second time in Python.
"""

from __future__ import annotations

import math
import operator
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from xllamacpp._native import _core
from xllamacpp._native.backends import load_backends
from xllamacpp.errors import ParameterError, ParameterWarning

_EXPECTED = {
    "boolean": "True or False",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string or a path",
    "list": "a list",
    "array": "a list",
    "set": "a set",
    "map": "a dict of strings",
    "device": "a device's name",
    "scalar": "a number, a string, True or False",
}


@dataclass(frozen=True)
class Kind:
    """What a value is: the ``type`` of a row."""

    kind: str
    name: str = ""
    of: Kind | None = None
    length: int = 0
    min: float | None = None
    max: float | None = None
    choices: tuple[int, ...] = ()
    positive: bool = False
    non_zero: bool = False
    non_empty: bool = False
    minus_infinite: bool = False
    text: bool = False
    """Whether a string can stand for the whole of it."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Kind:
        """Make a kind from its row."""
        of = cls.from_json(row["of"]) if "of" in row else None
        return cls(**{**row, "of": of, "choices": tuple(row.get("choices", ()))})

    @property
    def element(self) -> Kind:
        """The kind of the elements."""
        assert self.of is not None, f"a {self.kind} has no elements"
        return self.of

    @property
    def class_name(self) -> str:
        """The name of a structure's Python class."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def expected(self) -> str:
        """What may be given, for messages."""
        if self.kind == "structure":
            return f"a {self.class_name} or a dict of its fields" + (", or a string" if self.text else "")
        return _EXPECTED.get(self.kind, f"a {self.name}")


@dataclass(frozen=True)
class Field:
    """A row: one field of a structure, or an older name of one (then ``target`` says of which)."""

    name: str
    type: Kind
    doc: str
    group: str = ""
    unit: str = ""
    flag: str = ""
    env: str = ""
    target: str = ""
    secret: bool = False
    bookkeeping: bool = False
    changed: bool = False
    """An older name that says less than its target can hold; using it is warned about, once."""
    example: Any = None

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Field:
        """Make a field from its row."""
        return cls(**{**row, "type": Kind.from_json(row["type"])})

    @property
    def description(self) -> str:
        """What the field is for, with its unit and the ways to set it from outside."""
        facts = {"Unit": self.unit, "Now": self.target, "Flag": self.flag, "Environment": self.env}
        return " ".join([self.doc, *(f"{name}: {fact}." for name, fact in facts.items() if fact)])


@dataclass(frozen=True)
class Structure:
    """One of llama.cpp's structures."""

    name: str
    fields: dict[str, Field]
    aliases: dict[str, Field]

    @cached_property
    def names(self) -> dict[str, Field]:
        """The fields and the older names."""
        return {**self.fields, **self.aliases}

    @property
    def kind(self) -> Kind:
        """What a field is that holds such a structure."""
        return Kind("structure", self.name)

    @property
    def takes_text(self) -> bool:
        """Whether a string can stand for the whole of it."""
        kinds = (field.type for structure in STRUCTURES.values() for field in structure.fields.values())
        return any((kind.of or kind) == Kind("structure", self.name, text=True) for kind in kinds)

    @property
    def class_name(self) -> str:
        """The name of the Python class."""
        return self.kind.class_name

    @property
    def description(self) -> str:
        """The docstring of the Python class."""
        if self.name == "common_params":
            return "Every parameter of a server: llama.cpp's ``common_params``. Each field can be given by its name."
        return f"llama.cpp's ``{self.name}``. Each field can be given by its name, or in the order of the class."


@dataclass(frozen=True)
class Rule:
    """What several fields have to be together, or one beyond its range."""

    fields: tuple[str, ...]
    advice: str


_TABLE = _core.Params.table()

STRUCTURES: dict[str, Structure] = {
    name: Structure(
        name,
        {row["name"]: Field.from_json(row) for row in rows},
        {row["name"]: Field.from_json(row) for row in _TABLE["aliases"][name]},
    )
    for name, rows in _TABLE["structures"].items()
}
ENUMS: dict[str, dict[str, int]] = _TABLE["enums"]
WORDS: dict[str, list[str]] = _TABLE["words"]
"""The texts that stand for an enumerator of each enumeration."""
CONSTANTS: dict[str, int] = _TABLE["constants"]
REQUEST_OPTIONS: dict[str, str] = _TABLE["request_options"]
"""Names of request options that are taken for another: older name and today's."""
REQUEST_PARAMETERS: dict[str, str] = _TABLE["request_parameters"]
"""Request options that may hold what a parameter may: option and parameter."""
RULES = [Rule(tuple(rule["fields"]), rule["advice"]) for rule in _TABLE["rules"]]

_WARNED: set[tuple[str, str]] = set()


def note_use(owner: str, field: Field, *, stacklevel: int = 2) -> None:
    """Warn, once for each name, about an older name that says less than today's.

    `stacklevel` counts from the caller of this function, which is 1.
    """
    if field.changed and (owner, field.name) not in _WARNED:
        _WARNED.add((owner, field.name))
        warnings.warn(
            f"{STRUCTURES[owner].class_name}.{field.name} is an older name: {field.doc} Use {field.target}.",
            ParameterWarning,
            stacklevel=stacklevel + 1,
        )


def join(path: str, key: str | int) -> str:
    """Name the part `key` of what `path` names."""
    return f"{path}.{key}" if path else str(key)


def refuse(path: str, value: object, expected: str) -> ParameterError:
    """Make the error for a value that cannot go into JSON at all."""
    return ParameterError(f"{path}: expected {expected}, got {value!r} ({type(value).__name__})")


def _names_devices(kind: Kind) -> bool:
    if kind.kind == "structure":
        # In the text; a field of it comes through here by itself.
        return kind.text and any(field.type.kind == "device" for field in STRUCTURES[kind.name].fields.values())
    return kind.kind == "device" or (kind.of is not None and _names_devices(kind.of))


def to_plain(value: object, kind: Kind, path: str) -> Any:
    """Turn what a caller gave for `path` into what JSON can say.

    The native side checks types and ranges and words the messages. Here is only what it cannot see: which Python
    objects stand for a string, a list or a number.
    """
    if _names_devices(kind):
        # Which devices there are is known once the backends are loaded.
        load_backends()
    convert = _CONVERTERS.get(kind.kind)
    plain = convert(value, kind, path) if convert else value
    if isinstance(plain, float) and not math.isfinite(plain):
        # JSON has no number for these; the native side takes them by name where they mean something.
        return str(plain)
    if isinstance(plain, bool | int | float | str | list | dict):
        return plain
    raise refuse(path, value, kind.expected)


def _plain_structure(value: object, kind: Kind, path: str) -> object:
    plain = getattr(type(value), "_plain", None)
    if plain is not None:
        if type(value).__name__ != kind.class_name:
            raise refuse(path, value, kind.expected)
        return plain(value)
    if isinstance(value, Mapping):
        names = STRUCTURES[kind.name].names
        for key in value:
            if key in names:
                note_use(kind.name, names[key])
        return {
            # The native side knows what to say about a name that is not there.
            str(key): to_plain(item, names[key].type, join(path, key)) if key in names else None
            for key, item in value.items()
        }
    return _plain_text(value, kind, path) if kind.text else value


def _plain_list(value: object, kind: Kind, path: str) -> object:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [to_plain(element, kind.element, join(path, i)) for i, element in enumerate(value)]
    return value


def _plain_map(value: object, kind: Kind, path: str) -> object:
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, kind.element, join(path, key)) for key, item in value.items()}
    return value


def _plain_enum(value: object, kind: Kind, path: str) -> object:
    if isinstance(value, Enum) and type(value).__name__ != kind.name:
        raise refuse(path, value, kind.expected)
    return value


def _plain_number(value: object, kind: Kind, path: str) -> object:
    """Take the numbers of other libraries too, whose types are their own."""
    if isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "__index__"):
        return operator.index(value)
    if kind.kind == "number" and hasattr(value, "__float__"):
        return float(value)
    return value


def _plain_text(value: object, kind: Kind, path: str) -> object:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ParameterError(f"{path}: {text!r} is not valid Unicode: {error.reason}") from None
    return text


def _plain_scalar(value: object, kind: Kind, path: str) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(path, value, "a finite number")
    plain = _plain_text(value, kind, path)
    return plain if isinstance(plain, bool | int | float | str) else _plain_number(plain, Kind("number"), path)


_CONVERTERS: dict[str, Callable[[object, Kind, str], object]] = {
    "structure": _plain_structure,
    "list": _plain_list,
    "array": _plain_list,
    "set": _plain_list,
    "map": _plain_map,
    "enum": _plain_enum,
    "integer": _plain_number,
    "number": _plain_number,
    "string": _plain_text,
    "scalar": _plain_scalar,
}
