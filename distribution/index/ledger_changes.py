"""What changes the ledger: a release, what it depends on, and taking back that a file is to be taken.

Each gives a new ledger and leaves the old one as it was. No record is ever removed.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import Package, PackageWheel, Pylock, PylockValidationError
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from index.ledger import TIME, Dependency, Ledger, LedgerError, LedgerFile, ReleasedFile, VariantFile
from index.ledger_rules import problems
from index.machine import Machine, glibc, machines_of
from index.variants import LABEL, Variant
from index.wheel_file import WheelFile
from matrix import Matrix
from matrix.row import Row

F = TypeVar("F", bound=LedgerFile)


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
    folders = (found.wheel.index, *found.wheel.index_aliases) if found.wheel.index else ()
    given = _said(wheel, folder_url) | {"row": found.name, "folders": folders, "upload_time": upload_time}
    record = ReleasedFile(**given, provenance=provenance)
    # Not among the ledger's rules: a row that is changed or dropped later does not make an old release wrong.
    _is_of(record, found)
    _fits(wheel, found)
    return _checked(replace(ledger, files=(*ledger.files, record)), matrix, local_urls)


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
    given = _said(copy, folder_url) | {"row": original.row, "folders": (LABEL,), "upload_time": upload_time}
    given |= {"yanks": original.yanks}
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
        "pythons": wheel.pythons,
    }


def _is_of(record: ReleasedFile, row: Row) -> None:
    """Raise where a wheel is not one of those that a row releases."""
    if not row.wheel.published:
        raise LedgerError(f"{record.file} is of the row {row.name}, whose wheels are not published: {row.wheel.why}")
    label = record.version.local
    if label != row.wheel.label:
        has = f"the label {label}" if label else "no local label"
        wanted = f"{record.version.public}+{row.wheel.label}"
        raise LedgerError(f"{record.file} has {has}: wheels of the row {row.name} are {wanted}")


def _fits(wheel: WheelFile, row: Row) -> None:
    """Raise where a wheel is larger or for newer systems than its row allows."""
    newest = glibc(row.wheel.platform)
    for platform in wheel.platforms:
        needed = glibc(platform)
        if not needed or not newest or needed > newest:
            raise LedgerError(
                f"{wheel.path.name} is for {platform}: the row {row.name} ships {row.wheel.platform} or older "
                "(auditwheel repair makes it)"
            )
    if wheel.size > row.wheel.max_mb * 1_000_000:
        raise LedgerError(
            f"{wheel.path.name} has {wheel.size / 1e6:.1f} MB: the row {row.name} may have {row.wheel.max_mb} "
            "(wheel.max_mb in matrix.yaml)"
        )


def depend(ledger: Ledger, matrix: Matrix, lock: Path, *, local_urls: bool = False) -> Ledger:
    """Add what the wheels depend on: the wheels for Linux in a lock file (pylock.toml).

    Where a file that is known already lies elsewhere in it, that is recorded.

    Parameters
    ----------
    ledger, matrix, local_urls
        As in :func:`add`.
    lock : Path
        The lock file, with the sizes and the URLs of files, as uv writes it.

    Raises
    ------
    LedgerError
        It is no lock file, lacks what a record needs or a wheel for a machine that ours are for, or names another file
        than the ledger under the same name.
    """
    try:
        pylock = Pylock.from_dict(tomllib.loads(lock.read_text(encoding="utf-8")))
    except OSError as error:
        raise LedgerError(f"{lock} cannot be read: {error.strerror}") from None
    except (ValueError, PylockValidationError) as error:
        raise LedgerError(f"{lock.name} is no lock file (pylock.toml): {error}") from None
    ours = {machine for record in ledger.files if record.yanked is None for machine in machines_of(record)}
    machines = sorted(machine for machine in ours if machine.runs(pylock.requires_python))
    if not machines:
        raise LedgerError(f"{lock.name} is for no wheel of the ledger: record those first (nox -s index -- add)")
    known = {record.file: record for record in ledger.dependencies}
    yanked = {record.file for record in ledger.dependencies if record.yanked is not None}
    for package in pylock.packages:
        for record in _locked(lock, package, machines, yanked):
            old = known.get(record.file, record)
            if old.sha256 != record.sha256:
                raise LedgerError(f"{lock.name}: {record.file} has the hash {record.sha256}, recorded is {old.sha256}")
            known[record.file] = replace(old, url=record.url)
    return _checked(replace(ledger, dependencies=tuple(known.values())), matrix, local_urls)


def _locked(lock: Path, package: Package, machines: Iterable[Machine], yanked: Collection[str]) -> list[Dependency]:
    """Return a package's wheels for Linux; none where its marker holds on no machine."""
    try:
        needing = [machine for machine in machines if machine.is_locked(package.marker)]
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise LedgerError(f"{lock.name}: {package.name}: its marker is not right: {error}") from None
    if not needing:
        return []
    wheels = [wheel for wheel in package.wheels or () if _is_for_linux(wheel.filename)]
    records = [_dependency(lock, wheel, package.requires_python) for wheel in wheels]
    for machine in needing:
        if not any(machine.takes(record) for record in records if record.file not in yanked):
            but = " that is not yanked" if any(record.file in yanked for record in records) else ""
            text = f"{package.name} has no wheel for {machine}{but}: another version may have one"
            raise LedgerError(f"{lock.name}: {text}")
    return records


def extra_requirements(matrix: Matrix) -> list[str]:
    """Return what the extras of the published wheels ask for, beside what pyproject.toml does: to be locked with it."""
    extras = (row.wheel.extra for row in matrix.rows.values() if row.wheel.published)
    return sorted({text for extra in extras if extra for text in extra.requirements})


def _dependency(lock: Path, wheel: PackageWheel, requires_python: SpecifierSet | None) -> Dependency:
    if not wheel.url or not wheel.size or "sha256" not in wheel.hashes:
        raise LedgerError(f"{lock.name}: {wheel.filename} lacks its url, size or sha256 (`uv pip compile` writes them)")
    time = wheel.upload_time.strftime(TIME) if wheel.upload_time else None
    python = str(requires_python) if requires_python else None
    return Dependency(wheel.filename, wheel.url, wheel.hashes["sha256"], wheel.size, time, python)


def _is_for_linux(file: str) -> bool:
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return False
    return any(tag.platform == "any" or re.fullmatch(r"manylinux.*_x86_64", tag.platform) for tag in tags)


def yank(ledger: Ledger, matrix: Matrix, name: str, reason: str | None, *, local_urls: bool = False) -> Ledger:
    """Say why files, and their copies among the variants, should not be taken any more; None takes that back.

    Parameters
    ----------
    ledger, matrix, local_urls
        As in :func:`add`.
    name : str
        A file, or a version: ``2026.11.0+cu124``, or ``2026.11.0`` for its files of all rows, or ``click==8.5.1`` for
        those of another project.
    reason : str or None
        What installers tell those who take one by its full version all the same.

    Raises
    ------
    LedgerError
        No file is meant, or the reason is empty or more than a line of text.
    """
    if reason is not None and not reason.strip():
        raise LedgerError("the reason is empty: installers show it, so say what is wrong and which version is not")
    ours = canonicalize_name(matrix.name)
    meant = {record.file for record in (*ledger.files, *ledger.dependencies) if _is_meant(record, name, ours)}
    if not meant:
        versions = sorted({record.version for record in ledger.files})
        raise LedgerError(
            f"no file or version {name} is released. Versions: {', '.join(map(str, versions)) or 'none'}; of another "
            "project it is PROJECT==VERSION"
        )
    new = replace(
        ledger,
        files=tuple(_yanked(each, reason) if each.file in meant else each for each in ledger.files),
        dependencies=tuple(_yanked(each, reason) if each.file in meant else each for each in ledger.dependencies),
        variants=tuple(_yanked(each, reason) if each.copy_of in meant else each for each in ledger.variants),
    )
    return _checked(new, matrix, local_urls)


def _yanked(record: F, reason: str | None) -> F:
    return record if record.yanked == reason else replace(record, yanks=(*record.yanks, reason))


def _is_meant(record: LedgerFile, name: str, ours: str) -> bool:
    project, is_named, text = name.rpartition("==")
    try:
        version = Version(text)
    except InvalidVersion:
        return record.file == name
    is_it = record.project == (canonicalize_name(project) if is_named else ours)
    return is_it and version in (record.version, Version(record.version.public))


def _checked(ledger: Ledger, matrix: Matrix, local_urls: bool) -> Ledger:
    found = [str(problem) for problem in problems(ledger, matrix, local_urls=local_urls)]
    if found:
        raise LedgerError("\n".join(found))
    return ledger
