"""What the cache holds, and how to get rid of it.

Nothing is listed or removed but models whose place in the cache is known: by this package, or by the layout of the
Hub's cache. Whatever else lies there stays.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.errors import ModelError, ModelNotFoundError
from xllamacpp.models import files, locks, names
from xllamacpp.models.folders import web_folder
from xllamacpp.models.known import KNOWN, lock_path
from xllamacpp.models.names import HubName, WebName
from xllamacpp.models.notes import Note, note_path


@dataclass(frozen=True)
class CachedModel:
    """A model in the cache.

    Parameters
    ----------
    name : str
        What ``--model`` takes.
    paths : tuple of Path
        Its files, the first part first.
    size : int
        What they take on the disk, in bytes.
    used : float
        When one of them was read last, as far as the file system notes it: seconds since 1970.
    is_whole : bool
        Whether all of it is there; else it is being fetched, or that was broken off.
    """

    name: str
    paths: tuple[Path, ...]
    size: int
    used: float
    is_whole: bool = True

    @classmethod
    def of(cls, name: str, paths: list[Path], is_whole: bool = True) -> CachedModel:
        """Look at its files."""
        stats = [path.stat() for path in paths]
        return cls(
            name, tuple(paths), sum(stat.st_size for stat in stats), max(stat.st_atime for stat in stats), is_whole
        )


@dataclass(frozen=True)
class Removal:
    """What removing a model comes to, before it is done.

    Parameters
    ----------
    name : str
        The model.
    size : int
        What it frees, in bytes.
    act : callable
        Does it.
    """

    name: str
    size: int
    act: Callable[[], None]

    def execute(self) -> None:
        """Remove it.

        Raises
        ------
        ModelError
            A process is fetching it, or the file system refused.
        """
        try:
            self.act()
        except ModelError:
            # Some are OSErrors too.
            raise
        except OSError as error:
            raise ModelError(f"{self.name} could not be removed: {error.strerror} ({error.filename})") from error


def contents() -> list[CachedModel]:
    """Return what the cache holds: known models, and those of the Hub and of web addresses.

    Returns
    -------
    list of CachedModel
        By name.
    """
    # Takes half a second to import.
    from xllamacpp.models import hub_contents

    found = [*_known(), *_from_web(), *hub_contents.contents()]
    return sorted(found, key=lambda model: (model.name.lower(), not model.is_whole))


def removal(name: str) -> Removal:
    """Find out what removing a model comes to.

    Parameters
    ----------
    name : str
        As :func:`contents` has it. A repository without a quantization stands for all of its models.

    Returns
    -------
    Removal
        The plan.

    Raises
    ------
    ModelNotFoundError
        The cache has no such model.
    """
    parsed = None if name in KNOWN else names.parse(name)
    if isinstance(parsed, HubName):
        from xllamacpp.models import hub_contents

        plan = hub_contents.removal(parsed)
    elif isinstance(parsed, WebName):
        plan = _plan(str(parsed), list(_from_web()))
    else:
        plan = _plan(name, list(_known()))
    if plan is None:
        there = [model.name for model in contents()]
        nearest = difflib.get_close_matches(name, there, n=1)
        raise ModelNotFoundError(
            f"there is no model {name} in the cache"
            + (f"; did you mean {nearest[0]}?" if nearest else "; 'xllamacpp ls' shows what there is")
        )
    return plan


def check_free(name: str, lock: Path) -> None:
    """Raise ModelError where a process is fetching what the lock is for."""
    if locks.is_held(lock):
        raise ModelError(f"{name} is being fetched by another process right now")


def _known() -> Iterator[CachedModel]:
    for model in KNOWN.values():
        if model.path.is_file():
            yield CachedModel.of(model.name, [model.path])


def _from_web() -> Iterator[CachedModel]:
    for folder in sorted(web_folder().glob("*/*/")):
        notes = {
            file: note
            for file in sorted(path.with_suffix("") for path in folder.glob("*.json"))
            if (note := Note.of(file))
        }
        # All parts of one model are in one folder.
        whole = [file for file, note in notes.items() if file.is_file() and file.stat().st_size == note.size]
        paths = [*whole, *sorted(folder.glob("*.incomplete"))]
        if notes and paths:
            first = next(iter(notes))
            is_whole = len(paths) == len(whole) == files.count_parts(first.name)
            yield CachedModel.of(notes[first].url, paths, is_whole)


def _plan(name: str, models: list[CachedModel]) -> Removal | None:
    """Plan the removal of a model whose folder has nothing else in it."""
    found = next((model for model in models if model.name == name), None)
    if found is None:
        return None
    folder = found.paths[0].parent

    def act() -> None:
        for lock in [lock_path(KNOWN[name])] if name in KNOWN else folder.glob("*.lock"):
            check_free(name, lock)
        for path in found.paths:
            path.unlink(missing_ok=True)
            note_path(path).unlink(missing_ok=True)
        _tidy(folder)

    return Removal(name, found.size, act)


def _tidy(folder: Path) -> None:
    """Remove a folder that has nothing left but locks and notes of what is gone."""
    left = list(folder.iterdir())
    if all(path.suffix in (".lock", ".json") for path in left):
        # Somebody may fetch it anew meanwhile.
        with contextlib.suppress(OSError):
            for path in left:
                path.unlink()
            folder.rmdir()
