"""What has to be true of the ledger's records besides their values' types."""

from __future__ import annotations

import datetime
import re
import unicodedata
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

# PEP 825's words. It keeps `null` for a variant that any machine can have.
_VARIANT = re.compile(r"(?!null$)[0-9a-z_.]{1,16}")
_PROPERTY = re.compile(r"[a-z0-9_]+ :: [a-z0-9_]+ :: [a-z0-9_.]+")
_FILE = re.compile(r"[A-Za-z0-9_.+!-]+")
_FOLDER = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_PYTHON = re.compile(r"3\.[0-9]+")
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
    for reason in record.yanks:
        yield from _yank(reason) if reason is not None else ()


def _released(record: ReleasedFile, matrix: Matrix, local_urls: bool) -> Iterator[tuple[str, str]]:
    if record.project != canonicalize_name(matrix.name):
        yield "file", f"is of {record.project}: released are files of {matrix.name}"
    yield from _label(record)
    if problem := calver.problem(record.version.public):
        yield "file", problem
    yield from _sha256("metadata_sha256", record.metadata_sha256)
    yield from _time(record.upload_time)
    yield from _requires_python(record.requires_python)
    if not record.pythons or not all(_PYTHON.fullmatch(each) for each in record.pythons):
        has = ", ".join(record.pythons) or "none"
        yield "pythons", f"are {has}: its METADATA names them, as Classifier: Programming Language :: Python :: 3.11"
    for text in record.requires_dist:
        try:
            Requirement(text)
        except InvalidRequirement as error:
            yield "requires_dist", f"has {text!r}: {error}"
    if record.provenance is not None and (problem := url_problem(record.provenance, local_urls)):
        yield "provenance", problem


def _label(record: ReleasedFile) -> Iterator[tuple[str, str]]:
    # Which one a row's wheels have is asked when they are recorded: rows come and go, and the ledger stays.
    label = record.version.local
    if isinstance(record, VariantFile):
        if label != LABEL:
            yield "file", f"is {record.version}: variants are {record.version.public}+{LABEL}"
        if record.folders != (LABEL,):
            yield "folders", f"are {', '.join(record.folders) or 'none'}: variants are in {LABEL}"
        return
    if label is None or label == LABEL:
        yield "file", f"has {'no local label' if label is None else f'the label {label}'}: it has its row's"
    if not record.folders:
        yield "folders", "are none: the names of the index's folders that list it"
    for name in record.folders:
        if not _FOLDER.fullmatch(name) or name == LABEL:
            yield "folders", f"has {name!r}: small letters and digits, in parts joined by . or -, and not {LABEL}"


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
        yield "yanks", f"is not as that of {original.file}: a copy is as good as its wheel"
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
    if record.requires_python is not None:
        yield from _requires_python(record.requires_python)


def _requires_python(value: str) -> Iterator[tuple[str, str]]:
    try:
        SpecifierSet(value)
    except InvalidSpecifier as error:
        yield "requires_python", f"is {value!r}: {error}"


def _yank(reason: str) -> Iterator[tuple[str, str]]:
    if not reason.strip():
        yield "yanks", "has an empty reason: say why"
    # Control characters, surrogates, and what ends a line: no installer shows them, and some pages could not hold them.
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in reason):
        yield "yanks", f"has {reason!a}: one line of plain text"


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
