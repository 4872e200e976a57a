"""Two builds of the same sources: the same bytes, or which member differs, and probably why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wheels.archive import BUILD_INFO
from wheels.gates.gate import Finding, Target
from wheels.gates.wheel_file import Library, WheelFile, WheelFileError

NAME = "reproducible"
WHY = "two builds of the same sources are the same bytes, so that anybody can check one"

# Folders that builds are made in, as they are found in binaries.
_BUILD_PATH = re.compile(rb"/(?:home|root|tmp|build|work|project|sources|opt/build|var/tmp|usr/src)/[\x21-\x7e]+")
_TIME = re.compile(rb"[A-Z][a-z]{2} [ \d]\d 20\d\d|20\d\d-[01]\d-[0-3]\d|[0-2]\d:[0-5]\d:[0-5]\d")
_CONTEXT = 64
_ENTRY_REMEDIES = {
    "date_time": "finish both builds with the commit's time (CREATED)",
    "external_attr": "give the files one mode: builders have different umasks",
}


@dataclass(frozen=True)
class Reproducible:
    """The gate that compares a wheel with another build of it.

    Parameters
    ----------
    other : WheelFile
        The other build.
    """

    other: WheelFile
    name: str = NAME
    why: str = WHY

    def check(self, wheel: WheelFile, target: Target) -> list[Finding]:
        """Return each member that differs, and probably why."""
        return list(_differences(wheel, self.other))


def _differences(one: WheelFile, other: WheelFile) -> Iterator[Finding]:
    if one.sha256 == other.sha256:
        return
    found = [*_members(one, other), *_entries(one, other)]
    if not found:
        found = [Finding(one.path.name, "holds the same files, packed differently: by another zlib, or another tool")]
    if one.path.name != other.path.name:
        found.insert(0, Finding(one.path.name, f"is compared with {other.path.name}: give two builds of one row"))
    yield from found


def _members(one: WheelFile, other: WheelFile) -> Iterator[Finding]:
    for name in sorted(set(one.names) ^ set(other.names)):
        yield Finding(name, f"is in {one.path if name in one.names else other.path} alone")
    for name in sorted(set(one.names) & set(other.names)):
        mine, yours = one.read(name), other.read(name)
        # RECORD differs wherever another file does.
        if mine != yours and not name.endswith(".dist-info/RECORD"):
            yield Finding(name, f"differs: {_reason(name, mine, yours)}")


def _entries(one: WheelFile, other: WheelFile) -> Iterator[Finding]:
    if one.names != other.names and set(one.names) == set(other.names):
        yield Finding(one.path.name, "has its files in another order: distribution/wheels/archive.py sorts them")
    twins = {member.filename: member for member in other.archive.infolist()}
    pairs = [(member, twins[member.filename]) for member in one.archive.infolist() if member.filename in twins]
    for what, remedy in _ENTRY_REMEDIES.items():
        values = [(member.filename, getattr(member, what), getattr(twin, what)) for member, twin in pairs]
        unlike = [(name, mine, yours) for name, mine, yours in values if mine != yours]
        for name, mine, yours in unlike[:1]:
            more = f", and {len(unlike) - 1} more" if len(unlike) > 1 else ""
            yield Finding(name, f"{what} is {mine} and {yours}{more}: {remedy}")


def _reason(name: str, mine: bytes, yours: bytes) -> str:
    sizes = f"{len(mine)} and {len(yours)} bytes; " if len(mine) != len(yours) else ""
    paths = [set(_BUILD_PATH.findall(content)) for content in (mine, yours)]
    if name == BUILD_INFO and (unlike := _unlike(mine, yours)):
        return f"{unlike}: build both with the same tools, of the same commit"
    for path in sorted(paths[0] ^ paths[1]):
        return f"{sizes}the build's own folder is in it ({path[:80].decode()}): build both in one folder"
    place = next((n for n, (a, b) in enumerate(zip(mine, yours, strict=False)) if a != b), min(len(mine), len(yours)))
    around = [content[max(0, place - _CONTEXT) : place + _CONTEXT] for content in (mine, yours)]
    times = [set(_TIME.findall(content)) for content in around]
    if times[0] != times[1] and all(times):
        return f"{sizes}a time is in it ({min(times[0] | times[1]).decode()}): set SOURCE_DATE_EPOCH in both builds"
    if name.endswith(".so"):
        section = _section_that_differs(name, mine, yours)
        return f"{sizes}first in section {section}: other compilers, or something that depends on the order of work"
    return f"{sizes}first at byte {place}: {around[0]!r} and {around[1]!r}"


def _unlike(mine: bytes, yours: bytes) -> str:
    """Return what two files of JSON say differently, where that is what they are."""
    try:
        one, other = json.loads(mine), json.loads(yours)
    except ValueError:
        return ""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return ""
    keys = (key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key))
    return "; ".join(f"{key} is {one.get(key)!r} and {other.get(key)!r}" for key in keys)


def _section_that_differs(name: str, mine: bytes, yours: bytes) -> str:
    try:
        one, other = Library(name, mine), Library(name, yours)
    except WheelFileError:
        return "(no library)"
    names = (section for section in one.sections if section and one.section(section) != other.section(section))
    return next(names, "headers")
