"""What a built wheel says of itself, read from the file and from nowhere else."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import Metadata
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from index.ledger import LedgerError
from index.variants import plain_name

_PYTHON = re.compile(r"Programming Language :: Python :: (3\.\d+)")


@dataclass(frozen=True)
class WheelFile:
    """A wheel.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Its hash.
    size : int
        Its size in bytes.
    metadata : bytes
        Its METADATA, byte for byte.
    requires_python : str
        Which Pythons it runs on.
    requires_dist : tuple of str
        What it depends on.
    pythons : tuple of str
        The Pythons that its classifiers name.
    tags : frozenset of Tag
        What its name says that it is for.
    """

    path: Path
    sha256: str
    size: int
    metadata: bytes
    requires_python: str
    requires_dist: tuple[str, ...]
    pythons: tuple[str, ...]
    tags: frozenset[Tag]

    @property
    def metadata_sha256(self) -> str:
        """The hash of its METADATA."""
        return hashlib.sha256(self.metadata).hexdigest()

    @property
    def platforms(self) -> list[str]:
        """The platforms in its tags."""
        return sorted({tag.platform for tag in self.tags})

    def write_metadata(self) -> None:
        """Write the METADATA beside the wheel, under its name and ``.metadata``: installers read it there first."""
        draft = self.path.with_name(f".{self.path.name}.metadata")
        draft.write_bytes(self.metadata)
        draft.replace(f"{self.path}.metadata")


def read(path: Path, variant: str | None = None) -> WheelFile:
    """Read a wheel.

    Parameters
    ----------
    path : Path
        The file.
    variant : str or None
        The variant that its name ends with. Default: none.

    Raises
    ------
    LedgerError
        It is no wheel, or its name and its METADATA do not say the same.
    """
    try:
        name, version, _, tags = parse_wheel_filename(plain_name(path.name, variant))
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as archive:
            found = [
                each for each in archive.namelist() if each.endswith(".dist-info/METADATA") and each.count("/") == 1
            ]
            if len(found) != 1:
                raise LedgerError(f"{path.name} has {len(found)} files METADATA in a .dist-info folder: build it again")
            metadata = archive.read(found[0])
    except InvalidWheelFilename as error:
        raise LedgerError(f"{path.name} is no name of a wheel: {error}") from None
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}") from None
    except zipfile.BadZipFile as error:
        raise LedgerError(f"{path.name} is no wheel, or it is damaged: {error}") from None
    try:
        said = Metadata.from_email(metadata)
    except ExceptionGroup as error:
        reasons = "; ".join(str(each) for each in error.exceptions)
        raise LedgerError(f"{path.name}: its METADATA is not right: {reasons}") from None
    if (canonicalize_name(said.name), said.version) != (name, version):
        raise LedgerError(f"{path.name} is {said.name} {said.version} by its METADATA: a wheel is not renamed by hand")
    if not said.requires_python:
        raise LedgerError(
            f"{path.name}: its METADATA has no Requires-Python: build it from this project's pyproject.toml"
        )
    return WheelFile(
        path=path,
        sha256=sha256,
        size=path.stat().st_size,
        metadata=metadata,
        requires_python=str(said.requires_python),
        requires_dist=tuple(map(str, said.requires_dist or ())),
        pythons=tuple(found[1] for found in map(_PYTHON.fullmatch, said.classifiers or ()) if found),
        tags=tags,
    )
