"""How a model's file comes into the cache: written once, the same on every machine."""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from xllamacpp.models import KnownModel, cache_folder, fetch

if TYPE_CHECKING:
    from gguf import GGUFWriter


@dataclass(frozen=True)
class TinyModel:
    """A model that :func:`tiny` writes.

    Parameters
    ----------
    name : str
        The name of its file.
    architecture : str
        llama.cpp's name for its architecture.
    write : callable
        Gives a writer its metadata and tensors. It has to stand in the model's own module: the file is written anew
        when that module changes, or one of this package that it imports.
    seed : int
        Where its random numbers start.
    """

    name: str
    architecture: str
    write: Callable[[GGUFWriter, Weights], None]
    seed: int


@dataclass(frozen=True)
class DerivedModel:
    """A model that :func:`derived` makes of real ones.

    Parameters
    ----------
    name : str
        The name of its file.
    architecture : str
        llama.cpp's name for its architecture.
    write : callable
        Gives a writer the metadata and tensors that it takes out of the sources' files. Its place is as for
        :class:`TinyModel`.
    sources : tuple of KnownModel
        What it is made of.
    """

    name: str
    architecture: str
    write: Callable[..., None]
    sources: tuple[KnownModel, ...]


class Weights:
    """Random tensors, the same on every machine: this generator of numpy's is frozen, its newer ones are not."""

    def __init__(self, writer: GGUFWriter, seed: int) -> None:
        import numpy

        self._writer = writer
        self._random = numpy.random.RandomState(seed)

    def add(self, name: str, *shape: int, around: float = 0.0, scale: float = 0.3, zero: tuple[int, ...] = ()) -> None:
        """Add a tensor of this shape, outermost dimension first; the rows `zero` hold zeros."""
        values = around + scale * self._random.standard_normal(shape)
        values[list(zero)] = 0
        self._writer.add_tensor(name, values.astype("float32"))


def tiny(model: TinyModel) -> Path:
    """Write a tiny model into the cache, unless it is there.

    Parameters
    ----------
    model : TinyModel
        One of this package's.

    Returns
    -------
    Path
        Its file.
    """
    return _written(model, lambda writer: model.write(writer, Weights(writer, model.seed)))


def derived(model: DerivedModel) -> Path:
    """Make a model of real ones, in the cache, unless it is there.

    Parameters
    ----------
    model : DerivedModel
        One of this package's.

    Returns
    -------
    Path
        Its file.
    """
    sources = (source.sha256 for source in model.sources)
    return _written(model, lambda writer: model.write(writer, *map(fetch, model.sources)), *sources)


def _written(model: TinyModel | DerivedModel, fill: Callable[[GGUFWriter], None], *sources: str) -> Path:
    # Another builder is another file: nobody has to remember to count up a version.
    builder = (*_sources(model.write.__module__), *sources)
    version = hashlib.sha256("".join(builder).encode()).hexdigest()[:12]
    path = cache_folder() / f"{model.name}-{version}.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, model.architecture, fill)
    return path


def _write(path: Path, architecture: str, fill: Callable[[GGUFWriter], None]) -> None:
    # Slow to import, and most tests need no tiny model. numpy would start threads, which look as if a server left them.
    with patch.dict(os.environ, OPENBLAS_NUM_THREADS="1"):
        from gguf import GGUFWriter

    # Moved into place whole: several test processes may want it at once.
    handle, name = tempfile.mkstemp(prefix=f"{path.stem}.partial-", dir=path.parent)
    os.close(handle)
    try:
        writer = GGUFWriter(name, architecture)
        fill(writer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


@functools.cache
def _sources(module: str) -> tuple[str, ...]:
    """Return the source of a module and of all of this package that it imports, however far off."""
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = Path(str(sys.modules[name].__file__)).read_text(encoding="utf-8")
            waiting += _imported(sources[name])
    return tuple(sources[name] for name in sorted(sources))


def _imported(source: str) -> list[str]:
    imports = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
    return [str(node.module) for node in imports if str(node.module).startswith(f"{__package__}.")]
