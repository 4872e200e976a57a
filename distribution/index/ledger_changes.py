"""What changes the ledger: a release, what it depends on, and taking back that a file is to be taken.

Each gives a new ledger and leaves the old one as it was. No record is ever removed.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.pylock import Pylock, PylockValidationError
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from index.ledger import TIME, Dependency, Ledger, LedgerError, LedgerFile, ReleasedFile, VariantFile
from index.ledger_rules import problems
from index.variants import Variant
from index.wheel_file import WheelFile
from matrix import Matrix
from matrix.row import Row


def now() -> str:
    """Return the time as records have it."""
    return datetime.datetime.now(datetime.UTC).strftime(TIME)


def add(
    ledger: Ledger,
    matrix: Matrix,
    wheel: WheelFile,
    row: str,
    folder_url: str,
    upload_time: str,
    *,
    provenance: str | None = None,
    local_urls: bool = False,
) -> Ledger:
    """Add a wheel that was released; one that is there already, the very same, changes nothing.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    matrix : Matrix
        What ships.
    wheel : WheelFile
        The wheel.
    row : str
        Its row, or the row's alias.
    folder_url : str
        What it lies under: the URL without its name.
    upload_time : str
        Now, as ``2026-11-26T10:00:00Z``.
    provenance : str, optional
        Where the statement of how it was built is. Default: None.
    local_urls : bool, optional
        As in :func:`index.ledger_file.load`.

    Raises
    ------
    LedgerError
        Another file of this name was released, or this one must not be.
    """
    found = matrix.row(row)
    if _is_released(ledger.files, wheel):
        return ledger
    given = _said(wheel, folder_url) | {"row": found.name, "upload_time": upload_time}
    record = ReleasedFile(**given, provenance=provenance)
    new = _checked(replace(ledger, files=(*ledger.files, record)), matrix, local_urls)
    # Not among the ledger's rules: a limit that is lowered later does not make an old release wrong.
    _fits(wheel, found)
    return new


def released(ledger: Ledger, wheel: WheelFile) -> ReleasedFile:
    """Return a wheel's record.

    Raises
    ------
    LedgerError
        It is not released, or another one of its name is.
    """
    if not _is_released(ledger.files, wheel):
        raise LedgerError(f"{wheel.path.name} is not released: record it first (nox -s index -- add)")
    return next(record for record in ledger.files if record.file == wheel.path.name)


def add_variant(
    ledger: Ledger,
    matrix: Matrix,
    original: ReleasedFile,
    copy: WheelFile,
    variant: Variant,
    folder_url: str,
    upload_time: str,
    *,
    local_urls: bool = False,
) -> Ledger:
    """Add a released wheel's copy among the variants; one that is there already, the very same, changes nothing.

    Parameters
    ----------
    ledger, matrix, folder_url, upload_time, local_urls
        As in :func:`add`.
    original : ReleasedFile
        The wheel's record.
    copy : WheelFile
        The copy, as :func:`index.variant_wheel.derive` makes it.
    variant : Variant
        What it is.

    Raises
    ------
    LedgerError
        Another file of this name was released, or this one must not be.
    """
    if _is_released(ledger.variants, copy):
        return ledger
    given = _said(copy, folder_url) | {"row": original.row, "upload_time": upload_time, "yanked": original.yanked}
    record = VariantFile(**given, copy_of=original.file, variant=variant.name, properties=variant.properties)
    return _checked(replace(ledger, variants=(*ledger.variants, record)), matrix, local_urls)


def _is_released(files: Iterable[ReleasedFile], wheel: WheelFile) -> bool:
    """Say whether a wheel is among files; raise where another one has its name."""
    name = wheel.path.name
    for old in files:
        if old.file == name:
            if old.sha256 != wheel.sha256:
                raise LedgerError(
                    f"{name} is released, with the hash {old.sha256}; this one has {wheel.sha256}. A released file "
                    "stays what it is: give the new build a build tag (wheel tags --build 1) or another version"
                )
            return True
    return False


def _said(wheel: WheelFile, folder_url: str) -> dict[str, Any]:
    """Return what a record has from the wheel itself, and where that lies."""
    return {
        "file": wheel.path.name,
        "url": f"{folder_url.rstrip('/')}/{quote(wheel.path.name)}",
        "sha256": wheel.sha256,
        "size": wheel.size,
        "requires_python": wheel.requires_python,
        "metadata_sha256": wheel.metadata_sha256,
        "requires_dist": wheel.requires_dist,
    }


def _fits(wheel: WheelFile, row: Row) -> None:
    """Raise where a wheel is larger or for newer systems than its row allows."""
    newest = _glibc(row.wheel.platform)
    for platform in wheel.platforms:
        if not (0, 0) < _glibc(platform) <= newest:
            raise LedgerError(
                f"{wheel.path.name} is for {platform}: the row {row.name} ships {row.wheel.platform} or older "
                "(auditwheel repair makes it)"
            )
    if wheel.size > row.wheel.max_mb * 1_000_000:
        raise LedgerError(
            f"{wheel.path.name} has {wheel.size / 1e6:.1f} MB: the row {row.name} may have {row.wheel.max_mb} "
            "(wheel.max_mb in matrix.yaml)"
        )


def _glibc(platform: str) -> tuple[int, int]:
    """Return the glibc that a platform's tag asks for; (0, 0) where it does not say."""
    found = re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", platform)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def depend(ledger: Ledger, matrix: Matrix, lock: Path, *, local_urls: bool = False) -> Ledger:
    """Add what the wheels depend on: the wheels for Linux in a lock file (pylock.toml).

    Parameters
    ----------
    ledger, matrix, local_urls
        As in :func:`add`.
    lock : Path
        The lock file, with the sizes and the URLs of files, as uv writes it.

    Raises
    ------
    LedgerError
        It is no lock file, lacks what a record needs, or names another file than the ledger under the same name.
    """
    try:
        pylock = Pylock.from_dict(tomllib.loads(lock.read_text(encoding="utf-8")))
    except OSError as error:
        raise LedgerError(f"{lock} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise LedgerError(f"{lock.name} is no lock file (pylock.toml): {error}") from None
    known = {record.file: record for record in ledger.dependencies}
    new: dict[str, Dependency] = {}
    for package in pylock.packages:
        wheels = [_dependency(lock, wheel) for wheel in package.wheels or () if _is_for_linux(wheel.filename)]
        if not wheels:
            raise LedgerError(
                f"{lock.name}: {package.name} has no wheel for x86-64 Linux: another version may have one"
            )
        for record in wheels:
            old = known.get(record.file, record)
            if old.sha256 != record.sha256:
                raise LedgerError(f"{lock.name}: {record.file} has the hash {record.sha256}, recorded is {old.sha256}")
            if record.file not in known:
                new[record.file] = record
    return _checked(replace(ledger, dependencies=(*ledger.dependencies, *new.values())), matrix, local_urls)


def extra_requirements(matrix: Matrix) -> list[str]:
    """Return what the extras of the published wheels ask for, beside what pyproject.toml does: to be locked with it."""
    extras = (row.wheel.extra for row in matrix.rows.values() if row.wheel.published)
    return sorted({text for extra in extras if extra for text in extra.requirements})


def _dependency(lock: Path, wheel: Any) -> Dependency:
    if not wheel.url or not wheel.size or "sha256" not in wheel.hashes:
        raise LedgerError(f"{lock.name}: {wheel.filename} lacks its url, size or sha256 (`uv pip compile` writes them)")
    time = wheel.upload_time.strftime(TIME) if wheel.upload_time else None
    return Dependency(wheel.filename, wheel.url, wheel.hashes["sha256"], wheel.size, time)


def _is_for_linux(file: str) -> bool:
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return False
    return any(tag.platform == "any" or re.fullmatch(r"manylinux.*_x86_64", tag.platform) for tag in tags)


def yank(ledger: Ledger, name: str, reason: str | None) -> Ledger:
    """Say why files, and their copies among the variants, should not be taken any more; None takes that back.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    name : str
        A file, or a version: ``2026.11.0+cu124``, or ``2026.11.0`` for its files of all rows.
    reason : str or None
        What installers tell those who take one by its full version all the same.

    Raises
    ------
    LedgerError
        No file is meant, or the reason is empty.
    """
    if reason is not None and not reason.strip():
        raise LedgerError("the reason is empty: installers show it, so say what is wrong and which version is not")
    meant = {record.file for record in ledger.files if _is_meant(record, name)}
    if not meant:
        versions = sorted({record.version for record in ledger.files})
        raise LedgerError(f"no file or version {name} is released. Versions: {', '.join(map(str, versions)) or 'none'}")
    files = [replace(each, yanked=reason) if each.file in meant else each for each in ledger.files]
    variants = [replace(each, yanked=reason) if each.copy_of in meant else each for each in ledger.variants]
    return replace(ledger, files=tuple(files), variants=tuple(variants))


def _is_meant(record: LedgerFile, name: str) -> bool:
    try:
        version = Version(name)
    except InvalidVersion:
        return record.file == name
    return version in (record.version, Version(record.version.public))


def lost(old: Ledger, new: Ledger) -> Mapping[str, str]:
    """Return what a newer ledger must not have changed: why, by the file's name."""
    files = {record.file: record for records in new.lists.values() for record in records}
    found = {}
    for record in (record for records in old.lists.values() for record in records):
        if record.file not in files:
            found[record.file] = "is not in it"
        elif files[record.file].sha256 != record.sha256:
            found[record.file] = "has another hash in it"
    return found


def _checked(ledger: Ledger, matrix: Matrix, local_urls: bool) -> Ledger:
    found = [str(problem) for problem in problems(ledger, matrix, local_urls=local_urls)]
    if found:
        raise LedgerError("\n".join(found))
    return ledger
