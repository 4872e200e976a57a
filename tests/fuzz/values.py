"""Values for a field: right in type, and mostly at an edge, where a program errs first."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random
from typing import Any

from xllamacpp._native.table import ENUMS, STRUCTURES, Kind

_POWERS = [2**exponent + near for exponent in range(3, 65) for near in (-1, 0, 1)]
_INTEGERS = sorted({0, 1, 2, 3, *_POWERS, *(-power for power in (1, 2, *_POWERS))})
_NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 0.999, 1.001, 2.0, 100.0, 1e-45, 1e-7, -1e-7, 1e9, 3.4e38, -3.4e38, 1e39, 1e308]
_NOT_NUMBERS = ["nan", "inf", "-inf", ""]
_TEXTS = ["", " ", "a", "\n", "0", "-1", "%s%n", "{{", "é🦙\u202e", "null", "[1, 2", "</s>", "x" * 10_000]
_JSON_TEXTS = ["true", "1", '"high"', "{}", "[]", "{", ""]


def value(random: Random, kind: Kind) -> Any:
    """Choose a value for a field.

    Parameters
    ----------
    random : Random
        Where chance comes from.
    kind : Kind
        What the table says that the field takes.

    Returns
    -------
    object
        What can be assigned to the field. Now and then it is out of the field's range.
    """
    return _MAKERS[kind.kind](random, kind)


def _boolean(random: Random, kind: Kind) -> bool:
    return random.random() < 0.5


def _integer(random: Random, kind: Kind) -> int:
    low, high = int(kind.min or 0), int(kind.max or 0)
    if kind.min is None or kind.max is None:
        low, high = -(2**31), 2**31 - 1
    chance = random.random()
    if chance < 0.05:
        return random.choice(_INTEGERS)
    if chance < 0.5:
        # With nothing but edges hardly a server would load.
        return min(max(random.randint(0, random.choice((4, 64))), low), high)
    return random.choice([low, high, *(edge for edge in _INTEGERS if low <= edge <= high)])


def _number(random: Random, kind: Kind) -> float | str:
    chance = random.random()
    if chance < 0.05:
        return random.choice(_NOT_NUMBERS)
    if chance < 0.4:
        return round(random.random(), 2)
    if kind.min is not None and kind.max is not None:
        return random.choice([kind.min, kind.max, (kind.min + kind.max) / 2])
    return random.choice(_NUMBERS)


def _text(random: Random, kind: Kind) -> str:
    if random.random() < 0.2:
        return "".join(random.choices(string.printable, k=random.randint(1, 40)))
    return random.choice(_TEXTS)


def _enumerator(random: Random, kind: Kind) -> int:
    every = list(ENUMS[kind.name].values())
    return random.choice(every if random.random() < 0.1 else list(kind.choices) or every)


def _list(random: Random, kind: Kind) -> list[Any]:
    lengths = [1, kind.length] if kind.length else [0, 1, 1, 2, 3, 17]
    return [value(random, kind.element) for _ in range(random.choice(lengths))]


def _array(random: Random, kind: Kind) -> list[Any]:
    return [value(random, kind.element) for _ in range(random.choice([1, 2, 3, kind.length]))]


def _map(random: Random, kind: Kind) -> dict[str, str]:
    return {random.choice(_TEXTS): random.choice(_JSON_TEXTS) for _ in range(random.randint(0, 3))}


def _scalar(random: Random, kind: Kind) -> bool | int | float | str:
    numbers = [number for number in _INTEGERS if -(2**63) <= number < 2**63]
    return random.choice([True, False, random.choice(numbers), random.choice(_NUMBERS), random.choice(_TEXTS)])


def _device(random: Random, kind: Kind) -> str:
    return random.choice(["", "none", "CPU", "CUDA0", "Vulkan0", "nonsense"])


def _structure(random: Random, kind: Kind) -> dict[str, Any]:
    fields = list(STRUCTURES[kind.name].fields.values())
    chosen = random.sample(fields, random.randint(1, len(fields)))
    return {field.name: value(random, field.type) for field in chosen}


_MAKERS: dict[str, Callable[[Random, Kind], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "string": _text,
    "enum": _enumerator,
    "list": _list,
    "set": _list,
    "array": _array,
    "map": _map,
    "structure": _structure,
    "scalar": _scalar,
    "device": _device,
}
