"""The archive: what may be in it, that RECORD tells the truth of it, and that nothing in it differs from run to run."""

from __future__ import annotations

import base64
import csv
import hashlib
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import WheelFile

_SOURCES = {
    ".pyx",
    ".pxd",
    ".cpp",
    ".cxx",
    ".cc",
    ".c",
    ".cu",
    ".hpp",
    ".h",
    ".a",
    ".o",
    ".la",
    ".cmake",
    ".pc",
    ".pyc",
}
_MODES = {0o100644, 0o100755}


def _contents(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    for name, count in Counter(wheel.names).items():
        path = PurePosixPath(name)
        if count > 1:
            yield Finding(name, f"is in the archive {count} times: a file installs one of them")
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            yield Finding(name, "leads out of the folder that it is installed in")
        elif path.parts[0] not in ("xllamacpp", wheel.dist_info):
            yield Finding(name, f"is outside of xllamacpp/ and {wheel.dist_info}/: it would lie among other packages")
        if path.suffix in _SOURCES:
            yield Finding(name, "is a source or what a compiler leaves: see wheel.exclude in pyproject.toml")
    for member in wheel.archive.infolist():
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            yield Finding(member.filename, "is a symlink, which installers turn into a file: ship the file alone")


def _record(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    record = f"{wheel.dist_info}/RECORD"
    rows = {row[0]: row[1:] for row in csv.reader(wheel.read(record).decode().splitlines()) if row}
    remedy = "write RECORD last (distribution/wheels/archive.py does)"
    for name in wheel.names:
        if name == record:
            continue
        if name not in rows:
            yield Finding(name, f"is not in RECORD, so it would stay when the package is removed: {remedy}")
            continue
        kind, _, expected = rows[name][0].partition("=")
        content = wheel.read(name)
        actual = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if (kind, expected, rows[name][1]) != ("sha256", actual, str(len(content))):
            yield Finding(name, f"is not what RECORD says: it was changed afterwards; {remedy}")
    for name in sorted(set(rows) - set(wheel.names)):
        yield Finding(name, f"is in RECORD and not in the archive: {remedy}")


def _plain(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    remedy = "distribution/wheels/archive.py gives every file one time and one mode"
    members = wheel.archive.infolist()
    times = Counter(member.date_time for member in members)
    if len(times) > 1:
        often, least = times.most_common()[0][0], times.most_common()[-1][0]
        name = next(member.filename for member in members if member.date_time == least)
        yield Finding(name, f"is of {least}, others of {often}: two builds would differ; {remedy}")
    modes = {member.filename: member.external_attr >> 16 for member in members if not member.is_dir()}
    odd = {name: mode for name, mode in modes.items() if mode not in _MODES and not stat.S_ISLNK(mode)}
    for name, mode in [*odd.items()][:1]:
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        yield Finding(name, f"has the mode {mode:o}, which is the builder's own{more}: {remedy}")


def _size(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    size, limit = wheel.size / 1e6, target.row.wheel.max_mb
    if size > limit:
        largest = sorted(wheel.archive.infolist(), key=lambda member: -member.compress_size)[:3]
        most = ", ".join(f"{member.filename} {member.compress_size / 1e6:.1f}" for member in largest)
        yield Finding(
            wheel.path.name,
            f"has {size:.1f} MB, and wheel.max_mb of the row {target.row.name} is {limit}. The largest in it: {most}",
        )


CONTENTS = Rule("contents", "nothing but the package: no links, no sources, nothing beside it", _contents)
RECORD = Rule("RECORD", "installers check and remove files by it", _record)
PLAIN = Rule("plain entries", "times and modes do not tell who built it, and when", _plain)
SIZE = Rule("size", "it stays within its row's wheel.max_mb", _size)
GATES = (CONTENTS, RECORD, PLAIN, SIZE)
