"""The classes of the parameters, made from the native table.

There is one for each of llama.cpp's structures; :mod:`xllamacpp.params` is where they are found.
"""

from __future__ import annotations

from typing import Any

from xllamacpp._native import _core
from xllamacpp._native.parameters import Parameters
from xllamacpp._native.table import STRUCTURES, Field, join, note_use, to_plain
from xllamacpp._native.views import Views
from xllamacpp._native.whole import BASES


def _make_view(name: str, native: _core.Params, path: str) -> Parameters:
    cls = CLASSES[name]
    view = cls.__new__(cls)
    view._bind(native, path)
    return view


_VIEWS = Views(_make_view)


def _make_property(owner: str, field: Field) -> property:
    def read(self: Parameters) -> Any:
        note_use(owner, field)
        return _VIEWS.view(self._native, join(self._path, field.name), field.type)

    def write(self: Parameters, value: object) -> None:
        # Behind it is Parameters.__setattr__.
        note_use(owner, field, stacklevel=3)
        path = join(self._path, field.name)
        self._native.set(path, to_plain(value, field.type, path))

    return property(read, write, doc=field.description)


def _make_class(name: str) -> type[Parameters]:
    structure = STRUCTURES[name]
    members: dict[str, Any] = {field.name: _make_property(name, field) for field in structure.names.values()}
    members |= {
        "__slots__": (),
        "__module__": "xllamacpp.params",
        "__doc__": structure.description,
        "_structure": structure,
    }
    return type(structure.class_name, (BASES.get(name, Parameters),), members)


CLASSES: dict[str, type[Parameters]] = {name: _make_class(name) for name in STRUCTURES}
"""The class of every structure, by the structure's name."""
