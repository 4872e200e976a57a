"""What every class of parameters does: hold values, compare, copy, show, and go to a dict and back."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from xllamacpp._native import _core
from xllamacpp._native.table import STRUCTURES, Kind, Structure, join, to_plain
from xllamacpp._native.views import to_python
from xllamacpp.errors import ParameterError


class Parameters:
    """Base of the classes that stand for one of llama.cpp's structures.

    An object is a path into native parameters: those that it was reached from, or some of its own where it was made by
    itself. So there is one set of checks, and one place where values are.
    """

    __slots__ = ("_native", "_path")
    __hash__ = None  # type: ignore[assignment]

    _structure: ClassVar[Structure]

    _native: _core.Params
    _path: str

    def __init__(self, *values: object, **fields: object) -> None:
        names = list(self._structure.fields)
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} fields, {len(values)} were given")
        for name, value in zip(names, values, strict=False):
            if name in fields:
                raise TypeError(f"{type(self).__name__} got {name!r} twice")
            fields[name] = value
        plain = to_plain(fields, self._structure.kind, "")
        self._bind(_make_native(self._structure.name, plain), HOMES[self._structure.name])

    def _bind(self, native: _core.Params, path: str) -> None:
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "_path", path)

    def _plain(self) -> dict[str, Any]:
        values: dict[str, Any] = self._native.get(self._path)
        return values

    # A type checker that saw these would take every name for a field.
    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            if name not in self._structure.names:
                raise AttributeError(self._unknown(name))
            object.__setattr__(self, name, value)

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(self._unknown(name))

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._structure.names, n=1)
        return f"{type(self).__name__} has no field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters) or type(other) is not type(self):
            return NotImplemented
        return self._plain() == other._plain()

    def copy(self) -> Self:
        """Return a copy that shares nothing with this object, nor with what this object is a part of."""
        other = type(self).__new__(type(self))
        other._bind(self._native.copy(), self._path)
        return other

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_plain, (type(self), self._plain())

    def to_dict(self) -> dict[str, Any]:
        """Return every field by its name.

        Returns
        -------
        dict
            :meth:`from_dict` makes the same again of it. Structures are dicts; sets come as lists, so that
            :func:`json.dumps` can write all of it.
        """
        values: dict[str, Any] = _to_values(self._plain(), self._structure.kind)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make an object from values by name; what is not named has its default.

        Parameters
        ----------
        values : mapping
            Names and older names, nested (``{"sampling": {"temp": 0}}``) or dotted (``{"sampling.temp": 0}``).

        Raises
        ------
        ParameterError
            A name, a type or a value is wrong, or a name is given twice.
        """
        if not isinstance(values, Mapping):
            raise ParameterError(f"expected a dict of {cls.__name__}'s fields, got {values!r}")
        return cls(**_nest(values, ""))

    def diff(self, other: Self | None = None) -> dict[str, tuple[Any, Any]]:
        """Return what differs from `other`.

        Parameters
        ----------
        other : same class, optional
            Compared with; the defaults where it is left out.

        Returns
        -------
        dict of tuple
            ``(this object's value, other's value)`` by dotted path, such as ``"sampling.temp"``; a list differs as a
            whole.
        """
        plain = defaults(self._structure.name) if other is None else other._plain()
        return {
            path: (_to_values(mine, kind), _to_values(theirs, kind))
            for path, kind, mine, theirs in _differences(self._plain(), plain, self._structure.kind, "")
        }

    def changed(self) -> dict[str, Any]:
        """Return the values that :meth:`from_dict` needs to make the same again: those that are not the default.

        Fields that follow from others, such as ``sampling.user_sampling_config``, are in it only where they were set
        to something else.
        """
        short: dict[str, Any] = self._changed(bookkeeping=False)
        return short if self.from_dict(short) == self else self._changed(bookkeeping=True)

    def _changed(self, *, bookkeeping: bool) -> Any:
        plain = self._plain()
        return _changed(plain, defaults(self._structure.name), self._structure.kind, bookkeeping=bookkeeping)

    def __repr__(self) -> str:
        """Show the fields that differ from the default, and of those that hold a secret only that they do."""
        return _show(self._plain(), defaults(self._structure.name), self._structure.kind)


def _homes(name: str = "common_params", path: str = "") -> Iterator[tuple[str, str]]:
    """Find every structure's places in CommonParams."""
    yield name, path
    for field in STRUCTURES[name].fields.values():
        here = join(path, field.name)
        if field.type.kind == "structure":
            yield from _homes(field.type.name, here)
        elif field.type.kind == "list" and field.type.element.kind == "structure":
            yield from _homes(field.type.element.name, join(here, 0))


# The first place of several is the one that a reader would name: `model` before `speculative.draft.mparams`.
HOMES: dict[str, str] = dict(reversed(list(_homes())))
"""Where a structure of each name is in CommonParams; an object made by itself uses the same place."""


def _make_native(name: str, plain: Mapping[str, Any]) -> _core.Params:
    """Make native parameters with `plain` at the home of structure `name`."""
    native = _core.Params()
    container, _, index = HOMES[name].rpartition(".")
    if index == "0":
        native.set(container, [plain])
    elif plain:
        native.set(HOMES[name], plain)
    return native


@cache
def defaults(name: str) -> dict[str, Any]:
    """Return the default of every field of structure `name`, as JSON has it."""
    values: dict[str, Any] = _make_native(name, {}).get(HOMES[name])
    return values


def _from_plain(cls: type[Parameters], plain: dict[str, Any]) -> Parameters:
    return cls(**plain)


def _nest(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Make dicts in dicts of dotted names."""
    nested: dict[str, Any] = {}
    for key, given in values.items():
        value = _nest(given, join(path, key)) if isinstance(given, Mapping) else given
        head, _, rest = str(key).partition(".")
        _merge(nested, head, _nest({rest: value}, join(path, head)) if rest else value, path)
    return nested


def _merge(into: dict[str, Any], key: str, value: Any, path: str) -> None:
    if key not in into:
        into[key] = value
    elif isinstance(value, dict) and isinstance(into[key], dict):
        for name, item in value.items():
            _merge(into[key], name, item, join(path, key))
    else:
        raise ParameterError(f"{join(path, key)}: given twice")


def _differences(mine: Any, theirs: Any, kind: Kind, path: str) -> Iterator[tuple[str, Kind, Any, Any]]:
    if mine == theirs:
        return
    if kind.kind == "structure":
        for name, field in STRUCTURES[kind.name].fields.items():
            yield from _differences(mine[name], theirs[name], field.type, join(path, name))
    else:
        yield path, kind, mine, theirs


def _changed(raw: Any, default: Any, kind: Kind, *, bookkeeping: bool) -> Any:
    if kind.kind != "structure":
        return _to_values(raw, kind)
    return {
        name: _changed(raw[name], default[name], field.type, bookkeeping=bookkeeping)
        for name, field in STRUCTURES[kind.name].fields.items()
        if (bookkeeping if field.bookkeeping else raw[name] != default[name])
    }


def _to_values(raw: Any, kind: Kind) -> Any:
    if kind.kind == "structure":
        fields = STRUCTURES[kind.name].fields
        return {name: _to_values(value, fields[name].type) for name, value in raw.items()}
    if kind.kind in {"list", "array", "set"}:
        return [_to_values(value, kind.element) for value in raw]
    return to_python(raw, kind)


def _show(raw: Any, default: Any, kind: Kind) -> str:
    if kind.kind == "structure":
        shown = (
            f"{name}={'...' if field.secret else _show(raw[name], default[name], field.type)}"
            for name, field in STRUCTURES[kind.name].fields.items()
            if raw[name] != default[name] and not field.bookkeeping
        )
        return f"{kind.class_name}({', '.join(shown)})"
    if kind.kind == "list" and kind.element.kind == "structure":
        element = defaults(kind.element.name)
        return f"[{', '.join(_show(value, element, kind.element) for value in raw)}]"
    if kind.kind == "array":
        # Assigning the first elements is how such a list is set.
        used = max(i for i in range(len(raw)) if raw[i] != default[i]) + 1
        return repr(_to_values(raw[:used], kind))
    return repr(_to_values(raw, kind))
