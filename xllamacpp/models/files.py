"""Which files of a repository make up a model.

The rules are llama.cpp's (``common/download.cpp``), so that a name means the same to both.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xllamacpp.errors import ModelNotFoundError

MMPROJ = "mmproj"
"""str: what the files of multimodal projectors have in their names."""

_USUAL_QUANTS = ("Q4_K_M", "Q8_0")
# What lies beside a model and is none by itself.
_ASIDES = (MMPROJ, "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-")
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})", re.IGNORECASE)
_QUANT = re.compile(r"[-.]([A-Z0-9_]+)$", re.IGNORECASE)


@dataclass(frozen=True)
class _Parts:
    """What the name of a GGUF file says: ``prefix-00001-of-00003.gguf``."""

    prefix: str
    index: int = 1
    count: int = 1

    @classmethod
    def of(cls, path: str) -> _Parts:
        stem = path[: -len(".gguf")]
        found = _SPLIT.fullmatch(stem)
        return cls(found[1], int(found[2]), int(found[3])) if found else cls(stem)

    @property
    def quant(self) -> str:
        found = _QUANT.search(self.prefix)
        return found[1].upper() if found else ""


def is_model(path: str) -> bool:
    """Tell whether a file is a model, or the first part of one."""
    name = path.rpartition("/")[2]
    return path.endswith(".gguf") and not any(aside in name for aside in _ASIDES) and _Parts.of(path).index == 1


def quant_of(path: str) -> str:
    """Return the quantization in the name of a GGUF file, in capitals; empty where there is none."""
    return _Parts.of(path).quant


def choose(paths: Sequence[str], quant: str = "") -> str:
    """Return the file of the model with this quantization; without one, of the usual one, else of the first model.

    Raises
    ------
    ModelNotFoundError
        There is none; the text says what there is.
    """
    models = [path for path in paths if is_model(path)]
    for wanted in [quant] if quant else _USUAL_QUANTS:
        pattern = re.compile(re.escape(wanted) + "[.-]", re.IGNORECASE)
        if found := next((path for path in models if pattern.search(path)), None):
            return found
    if models and not quant:
        return models[0]
    if not models:
        raise ModelNotFoundError(
            "it has no GGUF file. Weights in other formats have to be converted; often somebody did, and called the "
            "repository the same with -GGUF behind it"
        )
    quants = sorted({quant_of(path) for path in models} - {""})
    raise ModelNotFoundError(f"it has no quantization {quant}{_nearest(quant, quants)}")


def check_has(paths: Sequence[str], path: str) -> None:
    """Raise ModelNotFoundError where a file is not among those of a repository; the text names the nearest."""
    if path not in paths:
        raise ModelNotFoundError(f"it has no file {path}{_nearest(path, [name for name in paths if '.gguf' in name])}")


def count_parts(path: str) -> int:
    """Return in how many files a model is, of which `path` is one."""
    return _Parts.of(path).count


def known_parts(paths: Iterable[str], path: str) -> list[str]:
    """Return those files of a model that are there, the first part first."""
    parts = _Parts.of(path)
    if parts.count <= 1:
        return [path]
    return sorted(
        other
        for other in paths
        if other.endswith(".gguf") and (_Parts.of(other).prefix, _Parts.of(other).count) == (parts.prefix, parts.count)
    )


def all_parts(paths: Iterable[str], path: str) -> list[str]:
    """Return the files of a model, the first part first.

    Raises
    ------
    ModelNotFoundError
        Some of them are missing.
    """
    found, count = known_parts(paths, path), count_parts(path)
    if len(found) != count:
        raise ModelNotFoundError(f"of {count} parts of {path} it has {len(found)}")
    return found


def sibling(paths: Iterable[str], model: str, keyword: str, quant: str = "") -> str:
    """Return the file beside a model that has `keyword` in its name; empty where there is none.

    One in the folder of the model comes before one further up; then one of exactly this quantization; then the one with
    the nearest number of bits.
    """
    bits = _bits(quant) if quant else _bits(quant_of(model))
    folders = model.split("/")[:-1]
    best, best_rank = "", (0, False, 0)
    for path in paths:
        above = path.split("/")[:-1]
        if not path.endswith(".gguf") or keyword not in path or folders[: len(above)] != above:
            continue
        is_exact = bool(quant) and f"-{quant.upper()}." in path.upper()
        rank = (len(above), is_exact, -abs(_bits(quant_of(path)) - bits))
        if not best or rank > best_rank:
            best, best_rank = path, rank
    return best


def _bits(quant: str) -> int:
    """Return the number in a quantization: 4 for Q4_K_M."""
    found = re.search(r"\d+", quant)
    return int(found[0]) if found else 0


def _nearest(wanted: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    nearest = difflib.get_close_matches(wanted, names, n=1)
    shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    return f" (it has {shown})" + (f"; did you mean {nearest[0]}?" if nearest else "")
