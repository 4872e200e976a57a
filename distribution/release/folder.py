"""The folder that a release is gathered in: its wheels, and for each row what is known of its wheel and of its image.

::

    *.whl, *.whl.metadata                    what installers fetch
    wheel-ROW.json, .cdx.json, .gates.json   which file it is, the list of its parts, what the gates said
    image-ROW.json, .cdx.json                where it was pushed and with which digest, the list of its parts
    release.json, SHA256SUMS                 all of it together

A row's files are nobody else's, so that rows may be made on different machines and their folders be joined.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from strict_yaml import StrictYamlError


class ReleaseError(StrictYamlError):
    """A release cannot be made, or not go on: the text says why, and what to do."""


@dataclass(frozen=True)
class ReleasedWheel:
    """What a release's folder says of a row's wheel.

    Parameters
    ----------
    row : str
        The row.
    revision : str
        The commit that it was built of.
    rehearsal : bool
        Whether it is for nobody's use.
    file : str
        Its name.
    sha256 : str
        Its hash.
    size : int
        Its size in bytes.
    """

    row: str
    revision: str
    rehearsal: bool
    file: str
    sha256: str
    size: int


@dataclass(frozen=True)
class ReleasedImage:
    """What a release's folder says of a row's image.

    Parameters
    ----------
    row, revision, rehearsal
        As for a wheel.
    repository : str
        The registry, and the name there.
    tag : str
        Its own tag, which stays what it is.
    digest : str
        Its manifest's digest, as ``sha256:…``.
    base : str
        What it stands on.
    """

    row: str
    revision: str
    rehearsal: bool
    repository: str
    tag: str
    digest: str
    base: str


_KINDS: dict[str, type[Any]] = {"wheel": ReleasedWheel, "image": ReleasedImage}
_MANIFEST, _SUMS = "release.json", "SHA256SUMS"
_Part = TypeVar("_Part", ReleasedWheel, ReleasedImage)


@dataclass(frozen=True)
class ReleaseFolder:
    """The folder of a release.

    Parameters
    ----------
    path : Path
        Where it is; made where it is missing.
    rehearsal : bool
        Whether records of a rehearsal will do.
    """

    path: Path
    rehearsal: bool = False

    def wheel(self, row: str) -> ReleasedWheel | None:
        """Return what there is of a row's wheel; None where that is not done.

        Raises
        ------
        ReleaseError
            It cannot be read, is of a rehearsal, or the file is another one.
        """
        found = self._read("wheel", row, ReleasedWheel)
        if found and sha256_of(self.path / found.file) != found.sha256:
            raise ReleaseError(f"{self.path / found.file} is not the file that passed the gates: remove {found.file}*")
        return found

    def image(self, row: str) -> ReleasedImage | None:
        """Return what there is of a row's image; None and errors as for :meth:`wheel`."""
        return self._read("image", row, ReleasedImage)

    def record(self, part: ReleasedWheel | ReleasedImage) -> None:
        """Note that a row's wheel or image is done: the last that is written of it."""
        kind = next(kind for kind, type_ in _KINDS.items() if isinstance(part, type_))
        self.write(f"{kind}-{part.row}.json", _json(dataclasses.asdict(part)))

    def write(self, name: str, content: bytes) -> None:
        """Write a file in one step."""
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self.path / f".{name}"
        draft.write_bytes(content)
        draft.replace(self.path / name)

    def sum_up(self, version: str) -> None:
        """Write release.json and SHA256SUMS of what there is, whoever made it."""
        rows: dict[str, dict[str, Any]] = {}
        for kind in _KINDS:
            for path in sorted(self.path.glob(f"{kind}-*.json")):
                # The others are wheel-ROW.cdx.json and the like.
                values = json.loads(path.read_text(encoding="utf-8"))
                if path.name == f"{kind}-{values.get('row')}.json":
                    rows.setdefault(values.pop("row"), {})[kind] = values
        self.write(_MANIFEST, _json({"schema": 1, "version": version, "rows": dict(sorted(rows.items()))}))
        # Drafts of a run that was killed begin with a dot.
        files = (path for path in sorted(self.path.iterdir()) if path.is_file() and path.name[0] != ".")
        sums = (f"{sha256_of(path)}  {path.name}\n" for path in files if path.name != _SUMS)
        self.write(_SUMS, "".join(sums).encode())

    def _read(self, kind: str, row: str, type_: type[_Part]) -> _Part | None:
        path = self.path / f"{kind}-{row}.json"
        if not path.exists():
            return None
        try:
            found = type_(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ReleaseError(f"{path} is no record of a release ({error}): remove it, and make it again") from None
        if found.rehearsal and not self.rehearsal:
            raise ReleaseError(f"{path} is of a rehearsal: give the release another --folder")
        return found


def sha256_of(path: Path) -> str:
    """Return a file's hash; empty where there is no such file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
