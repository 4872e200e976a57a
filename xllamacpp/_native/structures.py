"""The classes of the parameters, made from the native table.

There is one for each of llama.cpp's structures; :mod:`xllamacpp.params` is where they are found.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from xllamacpp._native import _core
from xllamacpp._native.table import STRUCTURES, Field, Kind, Structure, join, to_plain
from xllamacpp._native.views import Views, to_python
from xllamacpp.errors import ParameterError


class Parameters:
    """Base of the classes that stand for one of llama.cpp's structures.

    An object is a path into native parameters: those that it was reached from, or some of its own where it was made by
    itself. So there is one set of checks, and one place where values are.
    """

    __slots__ = ("_native", "_path")
    __hash__ = None  # type: ignore[assignment]

    _structure: ClassVar[Structure]
    _home: ClassVar[str]
    """Where a structure of this kind is in CommonParams; an object made by itself uses the same place."""

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
        native = _core.Params()
        container, _, index = self._home.rpartition(".")
        if index == "0":
            native.set(container, [plain])
        elif fields:
            native.set(self._home, plain)
        self._bind(native, self._home)

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
        """Return every field by its name; ``CommonParams(**params.to_dict())`` makes the same again.

        Sets come as lists, so that :func:`json.dumps` can write all of it.
        """
        values: dict[str, Any] = _to_plain_python(self._plain(), self._structure.kind)
        return values

    def __repr__(self) -> str:
        """Show the fields that differ from the default, and of those that hold a secret only that they do."""
        return _show(self._plain(), CLASSES[self._structure.name]()._plain(), self._structure.kind)


def _from_plain(cls: type[Parameters], plain: dict[str, Any]) -> Parameters:
    return cls(**plain)


def _to_plain_python(raw: Any, kind: Kind) -> Any:
    if kind.kind == "structure":
        fields = STRUCTURES[kind.name].fields
        return {name: _to_plain_python(value, fields[name].type) for name, value in raw.items()}
    if kind.kind in {"list", "array", "set"}:
        return [_to_plain_python(value, kind.element) for value in raw]
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
        element = CLASSES[kind.element.name]()._plain()
        return f"[{', '.join(_show(value, element, kind.element) for value in raw)}]"
    if kind.kind == "array":
        # Assigning the first elements is how such a list is set.
        used = max(i for i in range(len(raw)) if raw[i] != default[i]) + 1
        return repr(_to_plain_python(raw[:used], kind))
    return repr(_to_plain_python(raw, kind))


def _make_view(name: str, native: _core.Params, path: str) -> Parameters:
    cls = CLASSES[name]
    view = cls.__new__(cls)
    view._bind(native, path)
    return view


_VIEWS = Views(_make_view)


def _make_property(field: Field) -> property:
    def read(self: Parameters) -> Any:
        return _VIEWS.view(self._native, join(self._path, field.name), field.type)

    def write(self: Parameters, value: object) -> None:
        path = join(self._path, field.name)
        self._native.set(path, to_plain(value, field.type, path))

    return property(read, write, doc=field.description)


def _homes(name: str = "common_params", path: str = "") -> Iterator[tuple[str, str]]:
    """Find every structure's places in CommonParams."""
    yield name, path
    for field in STRUCTURES[name].fields.values():
        here = join(path, field.name)
        if field.type.kind == "structure":
            yield from _homes(field.type.name, here)
        elif field.type.kind == "list" and field.type.element.kind == "structure":
            yield from _homes(field.type.element.name, join(here, 0))


def _make_class(name: str, home: str, base: type[Parameters]) -> type[Parameters]:
    structure = STRUCTURES[name]
    members: dict[str, Any] = {field.name: _make_property(field) for field in structure.names.values()}
    members |= {
        "__slots__": (),
        "__module__": "xllamacpp.params",
        "__doc__": structure.description,
        "_structure": structure,
        "_home": home,
    }
    return type(structure.class_name, (base,), members)


class AllParameters(Parameters):
    """What only the whole of the parameters can do."""

    __slots__ = ()

    def __init__(self, **fields: object) -> None:
        super().__init__(**fields)

    def parse_arguments(self, arguments: Iterable[str]) -> None:
        """Apply the command line of llama.cpp's server: its config files and environment variables, then `arguments`.

        Parameters
        ----------
        arguments : iterable of str
            Flags and their values, without a program's name: ``["--ctx-size", "512"]``.

        Raises
        ------
        ParameterError
            A flag or a value is wrong, or would end the process (``--help``). Nothing was changed then.
        """
        if isinstance(arguments, str):
            raise ParameterError(f"expected a list of arguments, got the string {arguments!r}; shlex.split makes one")
        self._native.parse_arguments(list(arguments))


# The first place of several is the one that a reader would name: `model` before `speculative.draft.mparams`.
_HOMES = dict(reversed(list(_homes())))

CLASSES: dict[str, type[Parameters]] = {
    name: _make_class(name, _HOMES[name], AllParameters if name == "common_params" else Parameters)
    for name in STRUCTURES
}
"""The class of every structure, by the structure's name."""
