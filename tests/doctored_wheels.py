"""Wheels with something wrong in them, made of the one that was built: to see that each gate finds what it is for."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wheels import build_tools, compiled_in
from wheels.archive import write
from wheels.finished_wheel import Release
from wheels.gates.gate import Finding, Gate, Target
from wheels.gates.wheel_file import WheelFile

CHECKOUT = Path(__file__).resolve().parents[1]
TARGET = Target.of(CHECKOUT, "cpu-generic")
BUILD_INFO = "xllamacpp/_native/build_info.json"
LIBRARY = "xllamacpp/lib/libggml-xlc.so"
NEIGHBOUR = "xllamacpp/lib/libggml-base-xlc.so"
EXTENSION = "xllamacpp/_native/_core.abi3.so"
CREATED = datetime.datetime(2026, 11, 26, 10, 0, 0, tzinfo=datetime.UTC)
REVISION = "0123456789abcdef0123456789abcdef01234567"


def target_here() -> Target:
    """Return cpu-generic, with the platform tag of this machine, whose C library the wheel under test is built for."""
    _, _, glibc = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
    wheel = dataclasses.replace(TARGET.row.wheel, platform=f"manylinux_{glibc.replace('.', '_')}_x86_64")
    return Target(dataclasses.replace(TARGET.row, wheel=wheel), CHECKOUT)


def release_of(target: Target) -> Release:
    """Return what the build of a row knows of its wheel."""
    row = target.row
    options = {**row.cmake.core, **row.module_options}
    extra = (row.wheel.extra.name, *row.wheel.extra.requirements) if row.wheel.extra else ()
    tools = dict.fromkeys(build_tools.names(target.project), "1.0")
    return Release(row.name, row.wheel.platform, row.wheel.label, REVISION, CREATED, options, extra, tools)


def sources() -> Path:
    """Return where the build that made the wheel under test keeps llama.cpp's tree."""
    if cache := os.environ.get("XLLAMACPP_BUILD_CACHE"):
        return Path(cache)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xllamacpp" / "build"


def parts_of(wheel: Path) -> list[compiled_in.Part]:
    """Return what a wheel that was built here is compiled from."""
    with zipfile.ZipFile(wheel) as archive:
        llguidance = bool(json.loads(archive.read(BUILD_INFO))["llguidance"])
    return list(compiled_in.parts(CHECKOUT / "native", sources(), llguidance=llguidance))


def is_generic(wheel: Path) -> bool:
    """Whether a wheel is for any x86-64 processor, and without a GPU's module."""
    with zipfile.ZipFile(wheel) as archive:
        info = json.loads(archive.read(BUILD_INFO))
    return info["backends"] == ["cpu"] and len(info["modules"]) > 1 and info["build_target"].endswith("x86_64")


@dataclass
class Doctored:
    """The small part of a wheel that gates look at, to be changed and written.

    Parameters
    ----------
    name : str
        The file name.
    files : dict of str to bytes
        What is in it, but for RECORD.
    keep_record : bytes, optional
        A RECORD that is written as it is.
    modes : dict of str to int, optional
        Modes of members, where they are not the usual one.
    """

    name: str
    files: dict[str, bytes]
    keep_record: bytes | None = None
    modes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, wheel: Path, *members: str) -> Doctored:
        """Return the metadata of a finished wheel with some of its other members."""
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if ".dist-info/" in name or name in (BUILD_INFO, *members)]
            files = {name: archive.read(name) for name in names if not name.endswith("/RECORD")}
        made = cls(wheel.name, files)
        made.edit_build_info(modules=[])
        return made

    @property
    def info(self) -> str:
        """The folder of the metadata."""
        return next(name.partition("/")[0] for name in self.files if ".dist-info/" in name)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace some text of a member."""
        text = self.files[name].decode()
        assert old in text
        self.files[name] = text.replace(old, new).encode()

    def edit_build_info(self, **values: object) -> None:
        """Change what BUILD_INFO says."""
        self.files[BUILD_INFO] = json.dumps({**json.loads(self.files[BUILD_INFO]), **values}).encode()

    def edit_library(self, name: str, *command: str, at: Path) -> None:
        """Run a command on a library, with its path at the end."""
        file = at / Path(name).name
        file.write_bytes(self.files[name])
        subprocess.run([*command, str(file)], check=True, capture_output=True)
        self.files[name] = file.read_bytes()

    def write(self, folder: Path) -> Path:
        """Write the wheel, with a RECORD that is right unless there is one to keep."""
        path = folder / self.name
        write(path, self.files, f"{self.info}/RECORD", CREATED)
        if self.keep_record is not None or self.modes:
            self._write_again(path)
        return path

    def _write_again(self, path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = [(member, archive.read(member)) for member in archive.infolist()]
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members:
                if member.filename in self.modes:
                    member.external_attr = self.modes[member.filename] << 16
                is_kept = member.filename.endswith("/RECORD") and self.keep_record is not None
                archive.writestr(member, self.keep_record if is_kept else content)


def found_by(gate: Gate, wheel: Path, target: Target = TARGET) -> Iterator[Finding]:
    """Yield what a gate finds in a wheel file."""
    with WheelFile(wheel) as file:
        yield from gate.check(file, target)


def words(findings: Iterator[Finding] | list[Finding]) -> str:
    """Return findings as text."""
    return "\n".join(f"{finding.where}: {finding.what}" for finding in findings)
