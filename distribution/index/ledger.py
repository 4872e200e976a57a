"""The ledger: every file that was released, and every file of others that ours depend on.

It is the index's one source: append-only, and published with the pages that are made of it. Its JSON file is read and
written in ``ledger_file.py``; what a record has to be is in ``ledger_rules.py``, what changes it in
``ledger_changes.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from packaging.utils import BuildTag, NormalizedName, parse_wheel_filename
from packaging.version import Version

from index.variants import plain_name
from strict_yaml import StrictYamlError


class LedgerError(StrictYamlError):
    """The ledger, or what shall be put into it, is not right: the text has the record, the key, and what is."""


@dataclass(frozen=True)
class LedgerFile:
    """A wheel that the index lists.

    Parameters
    ----------
    file : str
        Its name.
    url : str
        Where it is; never the site of the index itself, which holds pages alone.
    sha256 : str
        Its hash, 64 hexadecimal digits.
    size : int
        Its size in bytes.
    yanks : tuple of (str or None), optional
        Why nobody should take it any more; after that, None where this was taken back, and so on: it only gets longer.
        Default: it has always been fine.
    """

    file: str
    url: str
    sha256: str
    size: int
    yanks: tuple[str | None, ...] = field(default=(), kw_only=True)

    @property
    def yanked(self) -> str | None:
        """Why nobody should take it; None: it is fine."""
        return self.yanks[-1] if self.yanks else None

    @property
    def wheel_name(self) -> str:
        """The file's name as the standard has it."""
        return self.file

    @property
    def project(self) -> NormalizedName:
        """The project's normalised name."""
        return parse_wheel_filename(self.wheel_name)[0]

    @property
    def version(self) -> Version:
        """The version, with its local label."""
        return parse_wheel_filename(self.wheel_name)[1]

    @property
    def order(self) -> tuple[Version, BuildTag, str]:
        """What files are sorted by: newer ones, and newer builds of one version, come later."""
        _, version, build, _ = parse_wheel_filename(self.wheel_name)
        return version, build, self.file


@dataclass(frozen=True)
class ReleasedFile(LedgerFile):
    """A wheel of ours.

    Parameters
    ----------
    upload_time : str
        When it was released, as ``2026-11-26T10:00:00Z``.
    requires_python : str
        Which Pythons it runs on, e.g. ``>=3.11``.
    metadata_sha256 : str
        The hash of its METADATA, which lies beside it under its name and ``.metadata``.
    row : str
        The row that matrix.yaml had it from.
    folders : tuple of str
        The folders of the index that it was released in. They list it always, whatever matrix.yaml has by now.
    pythons : tuple of str
        The Pythons that it names in its METADATA, e.g. ``3.11``.
    requires_dist : tuple of str
        What it depends on, as its METADATA has it. Default: nothing.
    provenance : str or None
        Where the statement of how it was built is, an https URL. Default: None.
    """

    upload_time: str
    requires_python: str
    metadata_sha256: str
    row: str
    folders: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    requires_dist: tuple[str, ...] = ()
    provenance: str | None = None


@dataclass(frozen=True, kw_only=True)
class VariantFile(ReleasedFile):
    """The copy of a wheel of ours among the variants of its version, for installers that choose by the hardware.

    Parameters
    ----------
    copy_of : str
        The wheel's file name.
    variant : str or None
        The variant's name, with which the file's ends; None: the one for all other installers and machines.
    properties : tuple of str
        What a machine has to have, as :class:`index.variants.Variant` has it, and the wheel itself.
    """

    copy_of: str
    variant: str | None = None
    properties: tuple[str, ...] = ()

    @property
    def wheel_name(self) -> str:
        """The file's name without the variant's, which is not in the standard."""
        return plain_name(self.file, self.variant)


@dataclass(frozen=True)
class Dependency(LedgerFile):
    """A wheel of another project, which lies where that project has released it.

    Parameters
    ----------
    upload_time : str or None
        When that was, as above, where it is known. Default: None.
    requires_python : str or None
        Which Pythons it runs on, where that is known. Default: None.
    """

    upload_time: str | None = None
    requires_python: str | None = None


TIME = "%Y-%m-%dT%H:%M:%SZ"
"""str: how a time is written, as indexes do."""

AnyFile = ReleasedFile | Dependency
"""What the pages list."""


@dataclass(frozen=True)
class Ledger:
    """The whole file.

    Parameters
    ----------
    schema : int
        The version of the file's form.
    files : tuple of ReleasedFile
        Our wheels, in the order of their release.
    dependencies : tuple of Dependency
        What they depend on, in the order in which it was recorded.
    variants : tuple of VariantFile
        Copies of some of our wheels.
    """

    schema: Literal[2] = 2
    files: tuple[ReleasedFile, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    variants: tuple[VariantFile, ...] = ()

    @property
    def lists(self) -> Mapping[str, Sequence[LedgerFile]]:
        """All records, by the name of their list."""
        return {"files": self.files, "dependencies": self.dependencies, "variants": self.variants}
