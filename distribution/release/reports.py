"""The report of a released wheel: what each gate said of it, and which gates have not looked at it yet.

``wheels`` writes what can be seen of the file alone. Who installs it, runs it and builds it once more is
``nox -s wheel_check``, whose report takes the place of that one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from release.folder import ReleasedWheel, ReleaseError
from wheels.gates import clean_roots, reproducible
from wheels.gates.__main__ import GATES

NEEDED = (*(gate.name for gate in GATES), reproducible.NAME, clean_roots.NAME)
"""tuple of str: the gates that a wheel has to have passed before it is released."""


def path(folder: Path, row: str) -> Path:
    """Return where a release's folder has the report of a row's wheel."""
    return folder / f"wheel-{row}.gates.json"


def how(folder: Path, wheel: ReleasedWheel) -> str:
    """Return the command that lets every gate look at a wheel of a release's folder."""
    options = f"--against {folder / wheel.file} --json {path(folder, wheel.row)}"
    return f'nox -s "wheel_check({wheel.row})" -- {options}'


@dataclass(frozen=True)
class _Report:
    row: str
    sha256: str
    failed: tuple[str, ...]
    missing: tuple[str, ...]


def lacking(folder: Path, wheel: ReleasedWheel) -> list[str]:
    """Return the gates that a wheel of a release's folder has not been held against yet.

    Raises
    ------
    ReleaseError
        A gate failed, or the report is none of this wheel.
    """
    place = path(folder, wheel.row)
    report = _read(place)
    if report is None or (report.row, report.sha256) != (wheel.row, wheel.sha256):
        raise ReleaseError(f"{place} is no report of {wheel.file}, sha256 {wheel.sha256}: {how(folder, wheel)}")
    if report.failed:
        raise ReleaseError(f"{wheel.file} does not pass {', '.join(report.failed)}: {place} says why")
    return list(report.missing)


def find(folder: Path, row: str, sha256: str) -> Path:
    """Return the report of a row's wheel in a folder, or below it, in which every gate passed.

    Raises
    ------
    ReleaseError
        There is none.
    """
    wanted = _Report(row, sha256, failed=(), missing=())
    if found := [place for place in sorted(folder.rglob("*.json")) if _read(place) == wanted]:
        return found[0]
    raise ReleaseError(
        f"{folder} has no report of {row}'s wheel, sha256 {sha256}, in which every gate passed: "
        f'nox -s "wheel_check({row})" -- --against WHEEL --json FILE writes one'
    )


def _read(place: Path) -> _Report | None:
    """Return a report; None where it is none."""
    try:
        values = json.loads(place.read_text(encoding="utf-8"))
        gates = {gate["gate"]: all(finding["note"] for finding in gate["findings"]) for gate in values["gates"]}
        return _Report(
            row=values["row"],
            sha256=values["sha256"],
            failed=tuple(name for name, passed in gates.items() if not passed),
            missing=tuple(name for name in NEEDED if name not in gates),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
