"""Lists, sets and dicts that stand for a part of the native parameters: what is changed in them is changed there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

from xllamacpp import enums
from xllamacpp._native import _core
from xllamacpp._native.table import Kind, join, to_plain
from xllamacpp.errors import ParameterError

StructureMaker = Callable[[str, _core.Params, str], Any]


class Views:
    """Makes the Python object for a part of the parameters.

    Parameters
    ----------
    make_structure : callable
        Makes the view of a structure from its name, the native parameters and a path.
    """

    def __init__(self, make_structure: StructureMaker) -> None:
        self._make_structure = make_structure

    def view(self, native: _core.Params, path: str, kind: Kind, raw: Any = None) -> Any:
        """Make the object for `path`; `raw` is the value there, where it is known already."""
        if kind.kind == "structure":
            return self._make_structure(kind.name, native, path)
        if kind.kind in {"list", "array"}:
            return ListView(self, native, path, kind)
        if kind.kind == "set":
            return SetView(native, path, kind)
        if kind.kind == "map":
            return MapView(native, path, kind)
        return to_python(native.get(path) if raw is None else raw, kind)


def to_python(raw: Any, kind: Kind) -> Any:
    """Turn a number, a string or a truth value from JSON into what Python calls it."""
    if kind.kind == "enum":
        return getattr(enums, kind.name)(raw)
    if kind.kind == "number":
        return float(raw)
    return raw


class ListView(MutableSequence[Any]):
    """A list of the parameters.

    It does what a list does. An element that has fields of its own is a view too:
    ``params.lora_adapters[0].scale = 0.5`` changes the adapter in the list. Such a view goes by its place: after a
    removal it shows the element that moved up.
    """

    __slots__ = ("_kind", "_native", "_path", "_views")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, views: Views, native: _core.Params, path: str, kind: Kind) -> None:
        self._views = views
        self._native = native
        self._path = path
        self._kind = kind

    def _load(self) -> list[Any]:
        values: list[Any] = self._native.get(self._path)
        return values

    def _store(self, values: list[Any]) -> None:
        if self._kind.length and len(values) != self._kind.length:
            raise ParameterError(
                f"{self._path}: always has {self._kind.length} elements; assign a list to the field to set them anew"
            )
        self._native.set(self._path, values)

    def _plain(self, values: Iterable[Any]) -> list[Any]:
        plain = to_plain(values, self._kind, self._path)
        if not isinstance(plain, list):
            raise TypeError(f"{self._path}: {type(values).__name__} is not a list")
        return plain

    def _element(self, index: int, raw: Any) -> Any:
        return self._views.view(self._native, join(self._path, index), self._kind.element, raw)

    def _elements(self) -> list[Any]:
        return [self._element(i, raw) for i, raw in enumerate(self._load())]

    def __len__(self) -> int:
        return len(self._load())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements())

    def __getitem__(self, index: Any) -> Any:
        return self._elements()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        values = self._load()
        values[index] = self._plain(value) if isinstance(index, slice) else self._plain([value])[0]
        self._store(values)

    def __delitem__(self, index: Any) -> None:
        values = self._load()
        del values[index]
        self._store(values)

    def insert(self, index: int, value: Any) -> None:
        """Insert `value` before `index`."""
        values = self._load()
        values.insert(index, self._plain([value])[0])
        self._store(values)

    def extend(self, values: Iterable[Any]) -> None:
        """Append all of `values`, or none where one of them does not fit."""
        self._store(self._load() + self._plain(values))

    def pop(self, index: int = -1) -> Any:
        """Remove the element at `index` and return it."""
        removed = self[index]
        # A view would show the next element from now on.
        removed = removed.copy() if hasattr(removed, "copy") else removed
        del self[index]
        return removed

    def index(self, value: Any, start: int = 0, stop: int = sys.maxsize) -> int:
        """Return the place of the first element equal to `value`."""
        return self._elements().index(value, start, stop)

    def clear(self) -> None:
        """Remove every element."""
        self._store([])

    def reverse(self) -> None:
        """Turn the order around."""
        self._store(self._load()[::-1])

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        """Put the elements in order."""
        values = self._load()
        elements = self._elements()
        keys = elements if key is None else [key(element) for element in elements]
        order = sorted(range(len(values)), key=keys.__getitem__, reverse=reverse)
        self._store([values[i] for i in order])

    def copy(self) -> list[Any]:
        """Return the elements as a list that is no part of the parameters."""
        return [element.copy() if hasattr(element, "copy") else element for element in self._elements()]

    def __add__(self, other: Iterable[Any]) -> list[Any]:
        return self.copy() + list(other)

    def __radd__(self, other: Iterable[Any]) -> list[Any]:
        return list(other) + self.copy()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | ListView):
            return NotImplemented
        return self._elements() == list(other)

    def __repr__(self) -> str:
        return repr(self._elements())


class SetView(MutableSet[str]):
    """A set of strings of the parameters."""

    __slots__ = ("_kind", "_native", "_path")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, native: _core.Params, path: str, kind: Kind) -> None:
        self._native = native
        self._path = path
        self._kind = kind

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        return set(it)

    def _load(self) -> set[str]:
        return set(self._native.get(self._path))

    def __contains__(self, value: object) -> bool:
        return value in self._load()

    def __iter__(self) -> Iterator[str]:
        return iter(self._native.get(self._path))

    def __len__(self) -> int:
        return len(self._load())

    def _plain(self, values: Iterable[str]) -> list[str]:
        plain: list[str] = to_plain(list(values), self._kind, self._path)
        return plain

    def add(self, value: str) -> None:
        """Add `value`."""
        self.update([value])

    def discard(self, value: str) -> None:
        """Remove `value` where it is there."""
        self._native.set(self._path, sorted(self._load() - {value}))

    def update(self, values: Iterable[str]) -> None:
        """Add all of `values`."""
        self._native.set(self._path, [*self._load(), *self._plain(values)])

    def copy(self) -> set[str]:
        """Return a set that is no part of the parameters."""
        return self._load()

    def __repr__(self) -> str:
        return repr(self._load())


class MapView(MutableMapping[str, str]):
    """A dict of strings of the parameters."""

    __slots__ = ("_kind", "_native", "_path")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, native: _core.Params, path: str, kind: Kind) -> None:
        self._native = native
        self._path = path
        self._kind = kind

    def _load(self) -> dict[str, str]:
        values: dict[str, str] = self._native.get(self._path)
        return values

    def __getitem__(self, key: str) -> str:
        return self._load()[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._native.set(self._path, {**self._load(), **to_plain({key: value}, self._kind, self._path)})

    def __delitem__(self, key: str) -> None:
        values = self._load()
        del values[key]
        self._native.set(self._path, values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())

    def copy(self) -> dict[str, str]:
        """Return a dict that is no part of the parameters."""
        return self._load()

    def __repr__(self) -> str:
        return repr(self._load())
