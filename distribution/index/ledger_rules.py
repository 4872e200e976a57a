"""What has to be true of the ledger's records besides their values' types."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

import calver
from index.ledger import TIME, Dependency, Ledger, LedgerFile, ReleasedFile, VariantFile
from index.variants import LABEL
from matrix import Matrix
from strict_yaml import suggest

# PEP 825's words. It keeps `null` for a variant that any machine can have.
_VARIANT = re.compile(r"(?!null$)[0-9a-z_.]{1,16}")
_PROPERTY = re.compile(r"[a-z0-9_]+ :: [a-z0-9_]+ :: [a-z0-9_.]+")
_FILE = re.compile(r"[A-Za-z0-9_.+!-]+")
# What a page shows, and a shell takes, as it is.
_URL = re.compile(r"[A-Za-z0-9_.~%+!:@,=/?#-]+")


@dataclass(frozen=True)
class Problem:
    """A key of a record that is not right.

    Parameters
    ----------
    records : str
        The list: ``files``, ``dependencies`` or ``variants``.
    number : int
        The record's place in it, from 0.
    file : str
        The record's file name.
    key : str
        The key.
    text : str
        What is wrong with it, and what would be right.
    """

    records: str
    number: int
    file: str
    key: str
    text: str

    def __str__(self) -> str:
        """Say it in one line."""
        file = self.file if self.file.isprintable() else repr(self.file)
        return f"{self.records}[{self.number}] ({file}): {self.key}: {self.text}"


def problems(ledger: Ledger, matrix: Matrix, *, local_urls: bool = False) -> Iterator[Problem]:
    """Yield what is wrong with a ledger's records; the parameters are those of :func:`index.ledger_file.load`."""
    seen: set[str] = set()
    released = {record.file: record for record in ledger.files}
    meanings: dict[tuple[Version, str | None], tuple[str, ...]] = {}
    for records, files in ledger.lists.items():
        for number, record in enumerate(files):
            found = list(_file(record, local_urls))
            # What the name says is known only where it is one.
            if not any(key == "file" for key, _ in found):
                found += _released(record, matrix, local_urls) if isinstance(record, ReleasedFile) else []
                found += _dependency(record, matrix) if isinstance(record, Dependency) else []
                found += _variant(record, released, meanings) if isinstance(record, VariantFile) else []
            if record.file in seen:
                found.append(("file", "is there twice: a released file stays what it is"))
            seen.add(record.file)
            yield from (Problem(records, number, record.file, key, text) for key, text in found)


def incomplete(ledger: Ledger) -> Iterator[Problem]:
    """Yield what the files that are not yanked depend on, with an extra or without, and the ledger has no wheel of."""
    for number, record in enumerate(ledger.files):
        for requirement in map(Requirement, record.requires_dist if record.yanked is None else ()):
            if _is_wanted(requirement) and not any(_does(found, requirement) for found in ledger.dependencies):
                advice = "record a lock file that has it (nox -s index -- depend)"
                text = f"there is no wheel for {requirement} among the dependencies: {advice}"
                yield Problem("files", number, record.file, "requires_dist", text)


def _is_wanted(requirement: Requirement) -> bool:
    if requirement.marker is None:
        return True
    extras = re.findall(r'\bextra == "([^"]+)"', str(requirement.marker))
    return any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _does(found: Dependency, requirement: Requirement) -> bool:
    is_it = found.project == canonicalize_name(requirement.name)
    return is_it and requirement.specifier.contains(found.version, prereleases=True)


def _file(record: LedgerFile, local_urls: bool) -> Iterator[tuple[str, str]]:
    if not _FILE.fullmatch(record.file):
        yield "file", f"is {record.file!r}, no name of a wheel: letters, digits, and . _ + ! -"
    else:
        try:
            parse_wheel_filename(record.wheel_name)
        except InvalidWheelFilename as error:
            yield "file", f"is no name of a wheel: {error}"
    if problem := url_problem(record.url, local_urls):
        yield "url", problem
    elif unquote(PurePosixPath(urlsplit(record.url).path).name) != record.file:
        yield "url", f"is {record.url}: it has to end with the file's name"
    yield from _sha256("sha256", record.sha256)
    if record.size <= 0:
        yield "size", f"is {record.size}: a number of bytes"


def _released(record: ReleasedFile, matrix: Matrix, local_urls: bool) -> Iterator[tuple[str, str]]:
    if record.project != canonicalize_name(matrix.name):
        yield "file", f"is of {record.project}: released are files of {matrix.name}"
    yield from _row(record, matrix)
    if problem := calver.problem(record.version.public):
        yield "file", problem
    yield from _sha256("metadata_sha256", record.metadata_sha256)
    yield from _time(record.upload_time)
    try:
        SpecifierSet(record.requires_python)
    except InvalidSpecifier as error:
        yield "requires_python", f"is {record.requires_python!r}: {error}"
    for text in record.requires_dist:
        try:
            Requirement(text)
        except InvalidRequirement as error:
            yield "requires_dist", f"has {text!r}: {error}"
    if record.yanked is not None and not record.yanked.strip():
        yield "yanked", "is empty: say why, or null"
    if record.provenance is not None and (problem := url_problem(record.provenance, local_urls)):
        yield "provenance", problem


def _row(record: ReleasedFile, matrix: Matrix) -> Iterator[tuple[str, str]]:
    row = matrix.rows.get(record.row)
    if row is None:
        yield "row", f"is {record.row}: one of {', '.join(matrix.rows)}.{suggest(record.row, matrix.rows)}"
        return
    if not row.wheel.published:
        yield "row", f"is {record.row}, whose wheels are not published: {row.wheel.why}"
        return
    is_variant = isinstance(record, VariantFile)
    label = LABEL if is_variant else row.wheel.label
    if record.version.local != label:
        has = f"the label {record.version.local}" if record.version.local else "no local label"
        which = "variants" if is_variant else f"wheels of the row {record.row}"
        yield "file", f"has {has}: {which} are {record.version.public}+{label}"


def _variant(
    record: VariantFile,
    released: Mapping[str, ReleasedFile],
    meanings: dict[tuple[Version, str | None], tuple[str, ...]],
) -> Iterator[tuple[str, str]]:
    original = released.get(record.copy_of)
    if original is None:
        yield "copy_of", f"is {record.copy_of!r}, which is not among the files: a variant is a released wheel's copy"
        return
    if (original.row, original.version.public) != (record.row, record.version.public):
        yield "row", f"is {record.row}: {original.file} is {original.version.public} of {original.row}"
    if original.yanked != record.yanked:
        yield "yanked", f"is not as that of {original.file}: a copy is as good as its wheel"
    if record.variant is not None and not _VARIANT.fullmatch(record.variant):
        yield "variant", f"is {record.variant!r}: 1 to 16 small letters, digits, _ and ., and not null (PEP 825)"
    if bool(record.variant) != bool(record.properties):
        yield "properties", "are what a variant with a name has, and no other"
    # An installer is told once for a version what a name means.
    if record.properties != meanings.setdefault((record.version, record.variant), record.properties):
        yield "properties", f"are others than those of the first {record.variant} of {record.version}"
    for text in record.properties:
        if not _PROPERTY.fullmatch(text):
            yield "properties", f"has {text!r}: namespace :: feature :: value, in small letters"


def _dependency(record: Dependency, matrix: Matrix) -> Iterator[tuple[str, str]]:
    if record.project == canonicalize_name(matrix.name):
        yield "file", f"is called {matrix.name}: what is ours is under files"
    if record.upload_time is not None:
        yield from _time(record.upload_time)


def _sha256(key: str, value: str) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        yield key, f"is {value!r}: 64 hexadecimal digits, in small letters"


def _time(value: str) -> Iterator[tuple[str, str]]:
    try:
        # strptime takes 2026-1-2T3:4:5Z too, and installers do not.
        is_right = datetime.datetime.strptime(value, TIME).strftime(TIME) == value
    except ValueError:
        is_right = False
    if not is_right:
        yield "upload_time", f"is {value!r}: a time in UTC, as 2026-11-26T10:00:00Z"


def url_problem(url: str, local_urls: bool) -> str:
    """Return what is wrong with a URL that the pages shall show; empty where nothing is."""
    shown = repr(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is {shown}, which is no URL: {error}"
    if not _URL.fullmatch(url) or (host and not re.fullmatch(r"[a-z0-9.-]+", host)):
        return f"is {shown}, which has characters that a URL may not have: write them as % and their number"
    is_local = parts.scheme == "file" or (parts.scheme == "http" and host == "127.0.0.1")
    if is_local and not local_urls:
        return f"is {url}, on this machine: an https URL (--local-urls takes it, for a test)"
    if not is_local and not (parts.scheme == "https" and host):
        return f"is {url}: it has to be an https URL"
    if "?" in url or "#" in url or "@" in parts.netloc:
        return f"is {url}: it has to do without a query, a fragment and a user"
    return ""
