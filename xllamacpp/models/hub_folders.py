"""The part of the Hub's cache that one repository has.

The layout is the Hub's specification for every program that shares the cache::

    models--org--repo/refs/main                      the commit that a branch or tag was at
    models--org--repo/snapshots/<commit>/a/b.gguf    a link to
    models--org--repo/blobs/<hash>                   the file
    models--org--repo/blobs/<hash>.incomplete        what is there of a file that is being fetched
    .locks/models--org--repo/<hash>.lock             held meanwhile
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from xllamacpp.models.content import Content
from xllamacpp.models.folders import hub_folder

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_HASH = re.compile(r"[0-9a-f]{40}")


def is_commit(text: str) -> bool:
    """Tell whether a text is the hash of a commit."""
    return bool(_GIT_HASH.fullmatch(text))


class RepositoryFolder:
    """The folder of a repository.

    Parameters
    ----------
    repo : str
        The repository, ``org/name``.
    """

    def __init__(self, repo: str) -> None:
        self._path = hub_folder() / f"models--{repo.replace('/', '--')}"

    def pointer(self, commit: str, path: str) -> Path:
        """Return where a program finds a file at a commit."""
        return self._path / "snapshots" / commit / path

    def blob(self, digest: str) -> Path:
        """Return where the file with this hash is."""
        return self._path / "blobs" / digest

    def partial(self, digest: str) -> Path:
        """Return where the file with this hash is kept until it is whole."""
        return self._path / "blobs" / f"{digest}.incomplete"

    def lock(self, digest: str) -> Path:
        """Return the lock of the file with this hash."""
        return self._path.parent / ".locks" / self._path.name / f"{digest}.lock"

    def commit(self, revision: str) -> str:
        """Return the commit that a branch or tag was at; of a commit, itself."""
        ref = self._path / "refs" / revision
        return ref.read_text().strip() if ref.is_file() else revision

    def contents(self, commit: str) -> dict[str, Content]:
        """Return what there is at a commit."""
        snapshot = self._path / "snapshots" / commit
        if not is_commit(commit) or not snapshot.is_dir():
            return {}
        found = sorted(path for path in snapshot.rglob("*") if path.is_file())
        return {path.relative_to(snapshot).as_posix(): _content_of(path) for path in found}

    def point(self, commit: str, path: str, blob: Path) -> None:
        """Have a file at a commit."""
        pointer = self.pointer(commit, path)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        new = _new_beside(pointer)
        try:
            new.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:
            # There are volumes without links; then the file itself goes there, as huggingface_hub has it.
            blob.replace(pointer)
        else:
            new.replace(pointer)

    def remember(self, revision: str, commit: str) -> None:
        """Note which commit a branch or tag is at, for when the Hub cannot be asked."""
        ref = self._path / "refs" / revision
        # A cache that cannot be written has served all the same.
        with contextlib.suppress(OSError):
            if revision == commit or (ref.is_file() and ref.read_text() == commit):
                return
            ref.parent.mkdir(parents=True, exist_ok=True)
            new = _new_beside(ref)
            new.write_text(commit)
            new.replace(ref)


def _content_of(path: Path) -> Content:
    """Read what is known of a file in the cache: its hash is the name of what it is a link to."""
    size = path.stat().st_size
    blob = path.readlink().name if path.is_symlink() else ""
    if _SHA256.fullmatch(blob):
        return Content(size, sha256=blob)
    return Content(size, git_blob=blob if _GIT_HASH.fullmatch(blob) else "")


def _new_beside(path: Path) -> Path:
    """Return a free name in the same folder, for what will replace `path` in one step."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
