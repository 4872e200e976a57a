"""Finishes a wheel that is to be published: row, label, tag, licences, list of parts; the same input, the same bytes.

What pip makes of the checkout is the core of every row, for this machine. Only the build of a row knows the rest.
usage: python -m wheels.finished_wheel FOLDER --row ROW --platform TAG ...  (FOLDER: the one wheel, which is replaced)
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wheels import bill_of_parts, build_tools
from wheels.archive import BUILD_INFO, SBOM, write
from wheels.compiled_in import Part, parts
from wheels.toolkit_headers import header_parts

# The oldest time that a zip archive can hold: of a build that does not know when its sources were committed.
_OLDEST = datetime.datetime(1980, 1, 1, tzinfo=datetime.UTC)
# What a build has for the commit and its time where nobody gave them.
_UNKNOWN = ("", "unknown")


@dataclass(frozen=True)
class Release:
    """What the build of a row knows of its wheel.

    Parameters
    ----------
    row : str
        The row.
    platform : str
        The platform tag.
    label : str or None
        The local label.
    revision : str or None
        The commit of the sources.
    created : datetime
        When that was made: what every file in the wheel is dated.
    options : mapping of str to str
        The CMake options of the core and of the GPU module.
    extra : tuple of str
        The name of an extra, and what it requires; empty where the wheel has none.
    tools : mapping of str to str
        The versions of what it was built with, besides the compiler.
    """

    row: str
    platform: str
    label: str | None = None
    revision: str | None = None
    created: datetime.datetime = _OLDEST
    options: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)


def finish(wheel: Path, release: Release, inside: Iterable[Part]) -> Path:
    """Replace a wheel by the finished one.

    Parameters
    ----------
    wheel : Path
        The wheel as pip made it.
    release : Release
        What becomes of it.
    inside : iterable of Part
        What it was compiled from.

    Returns
    -------
    Path
        The finished wheel, in the same folder.
    """
    inside = list(inside)
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    (old,) = {name.partition("/")[0] for name in files if name.partition("/")[0].endswith(".dist-info")}
    name, version = old.removesuffix(".dist-info").split("-")
    version = version.partition("+")[0] + (f"+{release.label}" if release.label else "")
    info = f"{name}-{version}.dist-info"
    files = {
        info + path.removeprefix(old) if path.startswith(f"{old}/") else path: data for path, data in files.items()
    }
    del files[f"{info}/RECORD"]

    for part in inside:
        for file, text in part.texts.items():
            files[f"{info}/licenses/{part.name}/{file}"] = text.encode()
    licence = bill_of_parts.combined(["MIT", *(part.licence for part in inside)])
    licences = sorted(path.removeprefix(f"{info}/licenses/") for path in files if path.startswith(f"{info}/licenses/"))
    metadata = _metadata(files[f"{info}/METADATA"].decode(), version, licence, licences, release.extra)
    files[f"{info}/METADATA"] = metadata.encode()
    tag, generator, files[f"{info}/WHEEL"] = _retagged(files[f"{info}/WHEEL"].decode(), release.platform)
    build_info = json.loads(files[BUILD_INFO])
    options = {**build_info.get("options", {}), **release.options}
    build_info |= {"version": version, "row": release.row, "revision": release.revision, "options": options}
    build_info["tools"] = dict(release.tools)
    files[BUILD_INFO] = (json.dumps(build_info, indent=2) + "\n").encode()
    facts = {"row": release.row, "tag": tag, "generator": generator, "compiler": build_info["compiler"]}
    text = bill_of_parts.of_wheel(version, licence, release.created, facts, inside)
    files[f"{info}/sboms/{SBOM}"] = text.encode()

    finished = wheel.with_name(f"{name}-{version}-{tag}.whl")
    with tempfile.TemporaryDirectory(dir=wheel.parent) as folder:
        new = Path(folder) / finished.name
        write(new, files, f"{info}/RECORD", release.created)
        wheel.unlink()
        new.rename(finished)
    return finished


def _metadata(text: str, version: str, licence: str, licences: Iterable[str], extra: tuple[str, ...]) -> str:
    head, blank, body = text.partition("\n\n")
    lines = [line for line in head.split("\n") if not line.startswith("License-File:")]
    place = next(number for number, line in enumerate(lines) if line.startswith("License-Expression:"))
    lines[place : place + 1] = [f"License-Expression: {licence}", *(f"License-File: {path}" for path in licences)]
    lines = [f"Version: {version}" if line.startswith("Version:") else line for line in lines]
    if extra:
        name, *requirements = extra
        lines += [f"Provides-Extra: {name}"]
        lines += [f'Requires-Dist: {requirement}; extra == "{name}"' for requirement in requirements]
    return "\n".join(lines) + blank + body


def _retagged(text: str, platform: str) -> tuple[str, str, bytes]:
    (tag,) = re.findall(r"^Tag: (\S+)$", text, re.MULTILINE)
    (generator,) = re.findall(r"^Generator: (.+)$", text, re.MULTILINE)
    new = "-".join([*tag.split("-")[:2], platform])
    return new, generator, text.replace(f"Tag: {tag}", f"Tag: {new}").encode()


def _options(text: str) -> dict[str, str]:
    pairs = (option.removeprefix("-D").partition("=") for option in text.split())
    return {name: value for name, _, value in pairs}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _time(text: str) -> datetime.datetime:
    return _OLDEST if text in _UNKNOWN else datetime.datetime.fromisoformat(text)


def main() -> None:
    """Finish the wheel in a folder, on the machine that built it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--row", required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--label", default="")
    parser.add_argument("--revision", default="unknown")
    parser.add_argument("--created", type=_time, default=_OLDEST)
    parser.add_argument("--options", type=_options, default={}, help="-DOPTION=VALUE..., as one argument")
    parser.add_argument("--extra", type=_words, default=(), help="NAME REQUIREMENT..., as one argument")
    parser.add_argument("--project", type=Path, default=Path("pyproject.toml"))
    parser.add_argument("--native", type=Path, default=Path("native"))
    parser.add_argument("--sources", type=Path, default=os.environ.get("XLLAMACPP_BUILD_CACHE"))
    parser.add_argument("--headers", type=Path, help="the headers that a GPU's module was compiled from")
    given = parser.parse_args()
    (wheel,) = given.folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        build_info = json.loads(archive.read(BUILD_INFO))
    revision = None if given.revision in _UNKNOWN else given.revision
    tools = build_tools.versions(tomllib.loads(given.project.read_text(encoding="utf-8")))
    release = Release(
        given.row, given.platform, given.label or None, revision, given.created, given.options, given.extra, tools
    )
    inside = [
        *parts(given.native, given.sources, llguidance=bool(build_info["llguidance"])),
        *header_parts(build_info["backends"], given.headers),
    ]
    print(finish(wheel, release, inside).name)


if __name__ == "__main__":
    main()
