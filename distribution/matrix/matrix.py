"""matrix.yaml as frozen dataclasses: what ships, checked.

>>> matrix = load(root)                                   # doctest: +SKIP
>>> matrix.row("cuda-12.4").build_args(stand_ins=True)    # doctest: +SKIP

The rows' fields are in ``row.py``, the rules that a row has to keep in ``rules.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from matrix.row import MatrixError, Row
from matrix.rules import problems
from strict_yaml import Builder, Node, StrictYamlError, join, read, suggest

FILE = "matrix.yaml"


@dataclass(frozen=True)
class Gpus:
    """Which GPUs each kind of device code runs on, by CUDA's number or LLVM's name.

    ``last_drivers`` has the last branch of NVIDIA's driver for those that newer ones have dropped.
    """

    cuda: Mapping[str, str]
    last_drivers: Mapping[str, str]
    rocm: Mapping[str, str]


@dataclass(frozen=True)
class Matrix:
    """The whole file.

    Parameters
    ----------
    schema : int
        The version of the file's form.
    name : str
        What the images are called, before the tag.
    latest : str
        The row whose image is tagged ``latest``.
    site : str or None
        The site of the wheel index, as ``https://HOST/PATH/``, with the folders in ``whl/``; None where there is none.
    rows : mapping of str to Row
        The rows, in the file's order.
    planned : mapping of str to str
        Rows that are not here yet, and why they will be.
    gpus : Gpus
        The GPUs of each kind of device code.
    """

    schema: Literal[1]
    name: str
    latest: str
    site: str | None
    rows: Mapping[str, Row]
    planned: Mapping[str, str]
    gpus: Gpus

    def row(self, name: str) -> Row:
        """Return a row by its name or its alias.

        Raises
        ------
        MatrixError
            There is no such row.
        """
        found = {**{row.alias: row for row in self.rows.values() if row.alias}, **self.rows}
        if name not in found:
            why = f" It is planned: {self.planned[name]}." if name in self.planned else suggest(name, found)
            raise MatrixError(f"there is no row {name}.{why} Rows: {', '.join(self.rows)}")
        return found[name]

    def rolling_tags(self, row: Row) -> tuple[str, ...]:
        """Return the tags that move on with each release: ``<row>``, ``<alias>``, and ``latest`` for one row."""
        return (row.name, *([row.alias] if row.alias else []), *(["latest"] if row.name == self.latest else []))

    def tags(self, row: Row, version: str) -> tuple[str, ...]:
        """Return all tags of a row's image; the first, ``<version>-<row>``, stays what it is."""
        return (f"{version}-{row.name}", *self.rolling_tags(row))

    def gpus_of(self, row: Row) -> dict[str, str]:
        """Return the GPUs that a row has device code for, by its name for them: ``{"86": "GeForce RTX 30…"}``."""
        known = self.gpus.cuda if row.cuda else self.gpus.rocm
        keys = dict.fromkeys(_gpu_key(name) for name in row.architectures if not name.endswith("-virtual"))
        return {key: known[key] for key in keys}


def load(root: Path) -> Matrix:
    """Read matrix.yaml.

    Parameters
    ----------
    root : Path
        The folder that it is in.

    Raises
    ------
    MatrixError
        Something in it is wrong: the text names the line, the row, the key, and what is allowed.
    """
    try:
        return _load(read(root, FILE))
    except MatrixError:
        raise
    except StrictYamlError as error:
        raise MatrixError(str(error)) from None


def _load(node: Node) -> Matrix:
    builder = Builder(FILE)
    for key in ("defaults", "rows"):
        if not isinstance(getattr(node.value.get(key), "value", None), dict):
            builder.fail(node.find(key), "", f"{key} is missing, or no mapping")
    nodes = {name: join(node.value["defaults"], row) for name, row in node.value["rows"].value.items()}
    rows = {name: builder.build(Row, row, f"row {name}", name=name) for name, row in nodes.items()}
    rest = {key: value for key, value in node.value.items() if key not in ("defaults", "rows")}
    matrix = builder.build(Matrix, Node(rest, 1, node.key_lines), rows=MappingProxyType(rows))

    lines = []
    for row in rows.values():
        lines += [f"{FILE}:{nodes[row.name].find(k)}: row {row.name}: {k}: {text}" for k, text in problems(row)]
    for name, key, text in _between_rows(matrix):
        place, top = (f"row {name}: ", nodes[name]) if name else ("", node)
        lines.append(f"{FILE}:{top.find(key)}: {place}{key}: {text}")
    if lines:
        raise MatrixError("\n".join(lines))
    return matrix


def _between_rows(matrix: Matrix) -> Iterator[tuple[str, str, str]]:
    if matrix.latest not in matrix.rows:
        yield "", "latest", f"is {matrix.latest}: one of {', '.join(matrix.rows)}"
    if matrix.site and not re.fullmatch(r"https://[^/\s]+/(\S+/)?", matrix.site):
        yield "", "site", f"is {matrix.site}: https://HOST/PATH/, with the slash at the end, or null"
    for name in matrix.planned:
        if name in matrix.rows:
            yield "", f"planned.{name}", "is a row already"
    for key, branch in matrix.gpus.last_drivers.items():
        if key not in matrix.gpus.cuda:
            yield "", f"gpus.last_drivers.{key}", "gpus.cuda does not say which GPUs it is"
        if not re.fullmatch(r"\d{3}", branch):
            yield "", f"gpus.last_drivers.{key}", f"is {branch}: three digits, as 580"
    rows = matrix.rows.values()
    yield from _twice("wheel.label", ((row.name, str(row.wheel.label)) for row in rows))
    folders = [(row.name, name) for row in rows for name in (row.wheel.index, *row.wheel.index_aliases) if name]
    yield from _twice("wheel.index", folders)
    tags = [("", "latest"), *((row.name, row.name) for row in rows)]
    yield from _twice("alias", (*tags, *((row.name, row.alias) for row in rows if row.alias)))
    for row in rows:
        if not re.fullmatch(r"[a-z]+(-[a-z0-9.]+)?", row.name):
            yield row.name, "name", "small letters, then - and a version or a word, as cuda-12.4"
        known = matrix.gpus.cuda if row.cuda else matrix.gpus.rocm
        for name in row.architectures:
            if _gpu_key(name) not in known:
                key = "cuda.architectures" if row.cuda else "rocm.targets"
                yield row.name, key, f"{name}: gpus does not say which GPUs {_gpu_key(name)} is"


def _twice(key: str, values: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    first: dict[str, str] = {}
    for name, value in values:
        if value in first:
            yield name, key, f"{value} is taken{f' by the row {first[value]}' if first[value] else ''}"
        first.setdefault(value, name)


def _gpu_key(architecture: str) -> str:
    return re.sub(r"a?-(real|virtual)$", "", architecture)
