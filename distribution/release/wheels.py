"""Takes the wheels of a release into its folder: those that pass every gate that looks at the file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

import checkout
from index import wheel_file
from matrix import Row
from release import reports
from release.folder import ReleasedWheel, ReleaseError, sha256_of
from release.release import Release
from wheels.gates import gate
from wheels.gates.__main__ import GATES
from wheels.gates.gate import Target
from wheels.gates.wheel_file import WheelFile, WheelFileError


def find(release: Release, row: Row, folder: Path) -> Path:
    """Return the wheel of a row in a folder, or below it.

    Raises
    ------
    ReleaseError
        There is none, or there are several.
    """
    version = row.wheel_version(release.version)
    found = [path for path in sorted(folder.rglob("*.whl")) if _version_of(path) == version]
    # The same file twice is one: builds and their copies lie side by side.
    if len({sha256_of(path) for path in found}) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found) or "no such file"
        raise ReleaseError(f"{folder} has to have one wheel of {row.name}, {version}: it has {names}")
    return found[0]


def _version_of(path: Path) -> str:
    try:
        return str(parse_wheel_filename(path.name)[1])
    except InvalidWheelFilename:
        return ""


def take(release: Release, row: Row, wheel: Path, seen: Path | None = None) -> bool:
    """Hold a wheel against the gates, and take it into the folder; nothing where it is there already.

    The gates that install and run a wheel, and want a second build of it, are those of ``nox -s wheel_check``.

    Parameters
    ----------
    release : Release
        The release.
    row : Row
        The row.
    wheel : Path
        Its wheel.
    seen : Path, optional
        A folder that has to have a report of ``wheel_check`` in which this wheel passed every gate. Default: none.

    Returns
    -------
    bool
        Whether it was not there before.

    Raises
    ------
    ReleaseError
        It fails a gate, which is printed, was built of another commit, or has no such report. Nothing was written.
    LedgerError
        It is no wheel.
    """
    found = wheel_file.read(wheel)
    report = reports.find(seen, row.name, found.sha256).read_bytes() if seen else None
    done, commit = release.folder.wheel(row.name), checkout.revision(release.root)
    if done and (done.sha256, done.revision) == (found.sha256, commit):
        if report:
            release.folder.write(reports.path(release.folder.path, row.name).name, report)
        return False
    with _opened(wheel) as opened:
        # First, as the gates take a while. A wheel that does not tell its commit fails one of them.
        _check_commit(opened, commit)
        target = Target(row, release.root)
        verdicts = gate.run(GATES, opened, target)
        print(f"{wheel.name} for {row.name}, {opened.size / 1e6:.1f} MB, sha256 {opened.sha256}")
        print(gate.table(verdicts))
        if any(verdict.failed for verdict in verdicts):
            raise ReleaseError(f"{wheel.name} does not pass the gates: see above")
        (sbom,) = opened.sboms.values()
        release.folder.path.mkdir(parents=True, exist_ok=True)
        gate.write_report(reports.path(release.folder.path, row.name), opened, target, verdicts)
    if report:
        release.folder.write(reports.path(release.folder.path, row.name).name, report)
    release.folder.write(f"wheel-{row.name}.cdx.json", sbom)
    release.folder.write(f"{wheel.name}.metadata", found.metadata)
    draft = Path(shutil.copyfile(wheel, release.folder.path / f".{wheel.name}"))
    draft.replace(release.folder.path / wheel.name)
    release.folder.record(ReleasedWheel(row.name, commit, release.rehearsal, wheel.name, found.sha256, found.size))
    return True


def _check_commit(wheel: WheelFile, commit: str) -> None:
    with suppress(WheelFileError):
        revision = wheel.build_info.get("revision", commit)
        if revision != commit:
            raise ReleaseError(
                f"{wheel.path.name} was built of {revision}, which is not the commit here: build it again"
            )


@contextmanager
def _opened(wheel: Path) -> Iterator[WheelFile]:
    try:
        with WheelFile(wheel) as opened:
            yield opened
    except WheelFileError as error:
        raise ReleaseError(str(error)) from None
