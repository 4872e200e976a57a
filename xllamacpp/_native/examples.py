"""An example of a value for every field: the row's own, or one that its type suggests."""

from __future__ import annotations

from typing import Any

from xllamacpp._native import _core
from xllamacpp._native.parameters import HOMES, defaults
from xllamacpp._native.table import ENUMS, STRUCTURES, WORDS, Field, Kind, Structure, join
from xllamacpp.errors import ParameterError

# Numbers that most fields have a use for; the first that a field takes and that is not its default is the example.
_NUMBERS = (1, 2, 0, 0.5, 16)


def example_of(structure: Structure, field: Field) -> Any:
    """Return a value that `field` takes and that is not its default."""
    if field.example is not None:
        return field.example
    default = defaults(structure.name)[field.name]
    kind = field.type
    if kind.kind == "boolean":
        return not default
    if kind.kind == "enum":
        names = [name for name, value in ENUMS[kind.name].items() if value != default and name in WORDS[kind.name]]
        return next(name for name in names if _fits(structure, field, name))
    if kind.kind in {"integer", "number"}:
        return next(number for number in _NUMBERS if number != default and _fits(structure, field, number))
    if kind.kind == "array":
        # Those of the first few elements are set.
        return [_opposite(default[0]), _opposite(default[0])]
    if kind.kind in {"list", "set"}:
        return [_example_element(kind.element)]
    return {"key": "value"} if kind.kind == "map" else "CPU" if kind.kind == "device" else "text"


def _example_element(kind: Kind) -> Any:
    if kind.kind == "structure":
        structure = STRUCTURES[kind.name]
        first = next(iter(structure.fields.values()))
        return {first.name: example_of(structure, first)}
    if kind.kind == "list":
        return [_example_element(kind.element)]
    return "text" if kind.kind == "string" else 1


def _opposite(value: Any) -> Any:
    return not value if isinstance(value, bool) else value + 1


def _fits(structure: Structure, field: Field, value: object) -> bool:
    native = _core.Params()
    home = HOMES[structure.name]
    if home.endswith(".0"):
        native.set(home.removesuffix(".0"), [{}])
    try:
        native.set(join(home, field.name), value)
    except ParameterError:
        return False
    return True
