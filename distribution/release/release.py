"""A release: which version of a checkout, and which rows (docs/releasing.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from packaging.version import Version

import calver
import checkout
from matrix import Row
from release.folder import ReleasedImage, ReleasedWheel, ReleaseError, ReleaseFolder
from rendering import facts
from rendering.facts import Facts

_Part = TypeVar("_Part", ReleasedWheel, ReleasedImage)


@dataclass(frozen=True)
class Release:
    """A release of a checkout.

    Parameters
    ----------
    root : Path
        The checkout.
    facts : Facts
        What it says of itself; its version is the release's.
    rows : tuple of Row
        What is released.
    folder : ReleaseFolder
        Where all of it is gathered.
    rehearsal : bool
        Whether stand-ins, places on this machine and an unfinished checkout will do, as nothing of it is for use.
    """

    root: Path
    facts: Facts
    rows: tuple[Row, ...]
    folder: ReleaseFolder
    rehearsal: bool

    @classmethod
    def of(
        cls, root: Path, version: str, *, rows: Sequence[str] = (), folder: Path | None = None, rehearsal: bool = False
    ) -> Release:
        """Return the release of a version.

        Parameters
        ----------
        root : Path
            The checkout.
        version : str
            What pyproject.toml has to have.
        rows : sequence of str, optional
            The rows, by name or alias. Default: all that are published.
        folder : Path, optional
            The folder. Default: one for the version, in build/.
        rehearsal : bool, optional
            As above. Default: False.

        Raises
        ------
        ReleaseError
            It is no version, the checkout is of another one, or a row is not published.
        MatrixError
            There is no such row, or matrix.yaml is wrong.
        """
        if problem := calver.problem(version):
            raise ReleaseError(f"the release {problem}")
        known = facts.load(root)
        if known.version != version:
            raise ReleaseError(
                f"pyproject.toml has the version {known.version}: `nox -s release -- prepare {version}` writes it, and "
                "what goes with it, for a commit"
            )
        published = [row for row in known.matrix.rows.values() if row.wheel.published or row.image.published]
        chosen = [known.matrix.row(name) for name in rows] or published
        for row in chosen:
            if row not in published:
                raise ReleaseError(f"{row.name} is not released: {row.wheel.why}")
        place = folder or root / "build" / ("rehearsal" if rehearsal else "release") / version
        return cls(root, known, tuple(chosen), ReleaseFolder(place, rehearsal), rehearsal)

    @property
    def version(self) -> str:
        """The version, without a label."""
        return self.facts.version

    @property
    def tag(self) -> str:
        """What git knows its commit by."""
        return f"v{self.version}"

    @property
    def is_candidate(self) -> bool:
        """Whether installers pass over it unless they are asked."""
        return Version(self.version).is_prerelease

    @property
    def wheel_rows(self) -> list[Row]:
        """The rows with a wheel."""
        return [row for row in self.rows if row.wheel.published]

    @property
    def image_rows(self) -> list[Row]:
        """The rows with an image."""
        return [row for row in self.rows if row.image.published]

    def image_tag(self, row: Row) -> str:
        """Return the tag of a row's image that stays what it is."""
        return self.facts.matrix.tags(row, self.version)[0]

    def wheel(self, row: Row) -> ReleasedWheel | None:
        """Return what the folder has of a row's wheel; None where that is not done.

        Raises
        ------
        ReleaseError
            The folder does not give it, or it is of another commit.
        """
        return self._of_the_commit(self.folder.wheel(row.name))

    def image(self, row: Row) -> ReleasedImage | None:
        """Return what the folder has of a row's image; None and errors as for :meth:`wheel`."""
        return self._of_the_commit(self.folder.image(row.name))

    def _of_the_commit(self, found: _Part | None) -> _Part | None:
        if found and found.revision != checkout.revision(self.root):
            raise ReleaseError(
                f"{found.row}: of {found.revision}, which is not the commit here: check that out, or make it again"
            )
        return found
