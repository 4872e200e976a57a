"""The archive: what may be in it, that RECORD tells the truth of it, and that nothing in it differs from run to run."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from wheels.archive import BUILD_INFO
from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.libraries import EXTENSION, FOLDER
from wheels.gates.wheel_file import WheelFile

# Of the folder of the metadata; texts of licences and lists of parts lie in folders of their own there.
_METADATA = re.compile(r"METADATA|WHEEL|RECORD|entry_points\.txt|(licenses|sboms)/.+")
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
        elif path.parts[0] == wheel.dist_info:
            if not _METADATA.fullmatch(name.removeprefix(f"{wheel.dist_info}/")):
                yield Finding(name, "is no file of a wheel's metadata: take it out")
        elif name not in target.package and not _is_built(name, wheel):
            yield Finding(
                name, "is not what the checkout installs, nor built of it: see wheel.exclude in pyproject.toml"
            )
    for name in sorted(target.package - set(wheel.names)):
        yield Finding(name, "is missing, and the checkout has it: build the wheel again")
    for member in wheel.archive.infolist():
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            yield Finding(member.filename, "is a symlink, which installers turn into a file: ship the file alone")


def _is_built(name: str, wheel: WheelFile) -> bool:
    if name not in wheel.library_names:
        return name == BUILD_INFO
    # SONAMEs and the entry point's gate know which of them are to be there.
    return PurePosixPath(name).parent == PurePosixPath(FOLDER) or name.startswith(EXTENSION)


def _record(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    record = f"{wheel.dist_info}/RECORD"
    remedy = "write RECORD last (distribution/wheels/archive.py does)"
    try:
        lines = [row for row in csv.reader(wheel.read(record).decode().splitlines(), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        yield Finding(record, f"cannot be read ({error}): {remedy}")
        return
    for line in (line for line in lines if len(line) != 3):
        yield Finding(record, f"has the line {','.join(line)}, and not a name, a hash and a size: {remedy}")
    rows = {line[0]: line[1:] for line in lines if len(line) == 3}
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


CONTENTS = Rule(
    "contents", "the package's files, all of them, and nothing else: no links, no sources, nothing beside it", _contents
)
RECORD = Rule("RECORD", "installers check and remove files by it", _record)
PLAIN = Rule("plain entries", "times and modes do not tell who built it, and when", _plain)
SIZE = Rule("size", "it stays within its row's wheel.max_mb", _size)
GATES = (CONTENTS, RECORD, PLAIN, SIZE)
