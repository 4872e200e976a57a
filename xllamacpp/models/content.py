"""What a file must be: its size, its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from xllamacpp.progress import Display, watch

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Content:
    """What a file must be.

    Parameters
    ----------
    size : int, optional
        Its size in bytes, where it is known.
    sha256 : str, optional
        Its hash.
    git_blob : str, optional
        Its hash as git's, for files that the Hub keeps in git itself; it takes the size too.
    is_gguf : bool, optional
        Whether to look if it begins like a GGUF file.
    """

    size: int | None = None
    sha256: str = ""
    git_blob: str = ""
    is_gguf: bool = False

    @property
    def expected(self) -> str:
        """The hash that it must have; empty where any will do."""
        return self.sha256 or self.git_blob

    def new_digest(self) -> Any:
        """Return an empty digest of the kind that the hash is of."""
        if self.git_blob and not self.sha256:
            return hashlib.sha1(b"blob %d\0" % (self.size or 0), usedforsecurity=False)
        return hashlib.sha256()

    def matches(self, path: Path, name: str, progress: bool) -> bool:
        """Tell whether a file is this one; it reads all of it where there is a hash."""
        if self.size is not None and path.stat().st_size != self.size:
            return False
        if not self.expected:
            return True
        with path.open("rb") as file, watch(f"checking {name}", progress) as shown:
            digest = self.new_digest()
            read_on(file, digest, self.size, shown)
        return bool(digest.hexdigest() == self.expected)


def read_on(file: BinaryIO, digest: Any, size: int | None, shown: Display) -> int:
    """Take the rest of a file into a digest; return the place of its end."""
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        shown.at(file.tell(), size)
    return file.tell()
