"""Reads YAML into frozen dataclasses, strictly, and says which key on which line does not fit and what would."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", bool: "true or false", datetime.date: "a date, such as 2026-11-25"}


class StrictYamlError(Exception):
    """A file does not say what it should: the text has the file, the line, the key and what is allowed."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A value of the file, with the line that it stands on.

    Parameters
    ----------
    value : object
        A scalar, a list of nodes, or a dict of nodes by their keys.
    line : int
        The line, from 1.
    key_lines : dict of str to int
        Where the keys of a dict stand.
    """

    value: Any
    line: int
    key_lines: dict[str, int] = dataclasses.field(default_factory=dict)

    def find(self, path: str) -> int:
        """Return the line of ``a.b.c`` under this node, or of the nearest of its parents that is there."""
        node, line = self, self.line
        for key in path.split("."):
            if not isinstance(node.value, dict) or key not in node.value:
                break
            node, line = node.value[key], node.key_lines[key]
        return line


def read(root: Path, file: str) -> Node:
    """Parse a file, which errors call by its path under ``root``.

    Raises
    ------
    StrictYamlError
        It is not there, is not YAML, has a key twice, or is no mapping.
    """
    try:
        node = _node(YAML().load((root / file).read_text(encoding="utf-8")), 1)
    except FileNotFoundError:
        raise StrictYamlError(f"{file} is not in {root}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StrictYamlError(f"{file}:{line}: {str(error.problem).partition('To suppress')[0].strip()}") from None
    except YAMLError as error:
        raise StrictYamlError(f"{file}: {error}") from None
    if not isinstance(node.value, dict):
        raise StrictYamlError(f"{file}: it holds no keys")
    return node


def _node(value: Any, line: int) -> Node:
    if isinstance(value, CommentedMap):
        lines = {str(key): value.lc.key(key)[0] + 1 for key in value}
        return Node({str(k): _node(v, value.lc.value(k)[0] + 1) for k, v in value.items()}, line, lines)
    if isinstance(value, CommentedSeq):
        return Node([_node(item, value.lc.item(index)[0] + 1) for index, item in enumerate(value)], line)
    # The reader's own kinds of text and numbers remember how they were written.
    plain = next((kind for kind in (str, bool, int, float) if isinstance(value, kind)), None)
    return Node(plain(value) if plain else value, line)


def join(under: Node, over: Node) -> Node:
    """Lay a mapping over another: key by key where both are mappings, else the one above counts."""
    if not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    value = {**under.value, **over.value}
    for key in under.value.keys() & over.value.keys():
        value[key] = join(under.value[key], over.value[key])
    return Node(value, over.line, {**under.key_lines, **over.key_lines})


class Builder:
    """Makes dataclasses of a file's nodes.

    Parameters
    ----------
    file : str
        What the file is called in errors.
    """

    def __init__(self, file: str) -> None:
        self.file = file

    def build(self, cls: type[T], node: Node, place: str = "", **given: Any) -> T:
        """Make a dataclass of a mapping; ``given`` fields do not come from the file.

        Raises
        ------
        StrictYamlError
            A key is unknown or missing, or a value is of the wrong type.
        """
        result: T = self._dataclass(cls, node, place, "", given)
        return result

    def fail(self, line: int, place: str, text: str) -> typing.NoReturn:
        """Raise the error for a line."""
        raise StrictYamlError(f"{self.file}:{line}: {place + ': ' if place else ''}{text}")

    def _dataclass(self, cls: Any, node: Node, place: str, path: str, given: Mapping[str, Any]) -> Any:
        if not isinstance(node.value, dict):
            self._wrong(node, place, path, "a mapping")
        hints = typing.get_type_hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls) if field.init and field.name not in given}
        for key in node.value:
            if key not in fields:
                text = f"there is no key {_join(path, key)}.{suggest(key, fields)} Known here: {', '.join(fields)}"
                self.fail(node.key_lines[key], place, text)
        values = dict(given)
        for name, field in fields.items():
            if name in node.value:
                values[name] = self._value(hints[name], node.value[name], place, _join(path, name))
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                self.fail(node.line, place, f"{_join(path, name)} is missing")
        return cls(**values)

    def _value(self, hint: Any, node: Node, place: str, path: str) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (types.UnionType, typing.Union):
            if node.value is None:
                return None
            (hint,) = (argument for argument in arguments if argument is not types.NoneType)
            return self._value(hint, node, place, path)
        if dataclasses.is_dataclass(hint):
            return self._dataclass(hint, node, place, path, {})
        if origin is Literal:
            if node.value not in arguments:
                self._wrong(node, place, path, f"one of {', '.join(map(str, arguments))}")
            return node.value
        if origin is tuple:
            if not isinstance(node.value, list):
                self._wrong(node, place, path, "a list")
            return tuple(self._value(arguments[0], item, place, f"{path}[{i}]") for i, item in enumerate(node.value))
        if origin is Mapping:
            if not isinstance(node.value, dict):
                self._wrong(node, place, path, "a mapping")
            items = {k: self._value(arguments[1], v, place, _join(path, k)) for k, v in node.value.items()}
            return types.MappingProxyType(items)
        if type(node.value) is not hint:
            self._wrong(node, place, path, _NAMES[hint])
        return node.value

    def _wrong(self, node: Node, place: str, path: str, expected: str) -> typing.NoReturn:
        value = node.value
        shown = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
        shown = {"None": "null", "True": "true", "False": "false"}.get(shown, shown)
        advice = " (put it in quotes)" if expected == "text" and not isinstance(value, dict | list | None) else ""
        self.fail(node.line, place, f"{path} is {shown}: it has to be {expected}{advice}")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean X?`` where a known word is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
