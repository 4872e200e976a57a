"""The llama.cpp pin: reads native/cmake/llama_cpp_pin.cmake, and moves it to another source distribution."""

from __future__ import annotations

import hashlib
import re
import tarfile
from pathlib import Path


class PinError(Exception):
    """A source distribution does not say what the pin holds."""


def read(file: Path) -> dict[str, str]:
    """Return the variables of the pin's file."""
    return dict(re.findall(r'^set\((\w+)\s+"([^"]*)"\)', file.read_text(encoding="utf-8"), re.MULTILINE))


def write(file: Path, values: dict[str, str]) -> None:
    """Put new values into the pin's file; its comments and its alignment stay."""
    text = file.read_text(encoding="utf-8")
    for name, value in values.items():
        text = re.sub(rf'^(set\({name}\s+)"[^"]*"', rf'\g<1>"{value}"', text, flags=re.MULTILINE)
    file.write_text(text, encoding="utf-8")


def values_of(sdist: Path, before: dict[str, str], release: str, commit: str | None) -> dict[str, str]:
    """Return what the pin is for a source distribution.

    Parameters
    ----------
    sdist : Path
        The archive.
    before : dict
        The pin as it is.
    release : str
        The archive's version.
    commit : str or None
        llama.cpp's commit, where the archive does not tell it.

    Raises
    ------
    PinError
        Neither the archive nor ``commit`` tells the commit.
    """
    version, found = _llama_cpp_version(sdist, release, before["LLAMA_CPP_SDIST_FOLDER"])
    commit = commit or found
    if not commit:
        raise PinError(f"{sdist.name} does not tell its llama.cpp commit: nox -s llama_cpp -- {release} COMMIT")
    return {
        **before,
        "LLAMA_CPP_SDIST_VERSION": release,
        "LLAMA_CPP_SDIST_SHA256": hashlib.sha256(sdist.read_bytes()).hexdigest(),
        "LLAMA_CPP_VERSION": version,
        "LLAMA_CPP_COMMIT": commit[:9],
    }


def unpack_headers(sdist: Path, folder: Path) -> Path:
    """Unpack the headers of a source distribution into a folder; return the archive's own folder in it."""
    with tarfile.open(sdist) as archive:
        headers = [member for member in archive if member.name.endswith((".h", ".hpp"))]
        archive.extractall(folder, headers, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


def _llama_cpp_version(sdist: Path, release: str, folder: str) -> tuple[str, str | None]:
    with tarfile.open(sdist) as archive:

        def read_member(path: str) -> str:
            try:
                member = archive.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/{path}")
            except KeyError:
                return ""
            return member.read().decode("utf-8", "replace") if member else ""

        lists = read_member(f"{folder}/CMakeLists.txt")
        version = ".".join(re.findall(r"set\(LLAMA_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)\)", lists))
        # Where it was built from a clone, git's own note of the submodule; else the changelog's newest word on it.
        head = re.match(r"[0-9a-f]{40}\s", read_member(f".git/modules/{folder}/HEAD"))
        changes = read_member("CHANGELOG.md").partition(f"## [{release}]")[2]
        change = re.search(r"llama\.cpp@([0-9a-f]{7,40})", changes)
    return version, head[0] if head else change[1] if change else None
