"""Notes beside files from the web: which version is there."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """Which version of a file is in the cache.

    Parameters
    ----------
    url : str
        Where it comes from, without a password or a signature.
    validator : str, optional
        The server's ``ETag`` for it, else its date; empty where it gives neither.
    size : int, optional
        Its size in bytes; 0 for one that was never there whole.
    sha256 : str, optional
        Its hash.
    """

    url: str
    validator: str = ""
    size: int = 0
    sha256: str = ""

    @classmethod
    def of(cls, file: Path) -> Note | None:
        """Read the note of a file; None where there is none that can be read."""
        try:
            return cls(**json.loads(note_path(file).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, file: Path) -> None:
        """Write it beside a file, in one step."""
        new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
        new.write_text(json.dumps(asdict(self)))
        new.replace(note_path(file))


def note_path(file: Path) -> Path:
    """Return where the note of a file is."""
    return file.with_name(f"{file.name}.json")
