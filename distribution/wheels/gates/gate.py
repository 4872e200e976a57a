"""A gate: one thing that has to be true of a wheel, and why; and what all of them find, as a table."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import tomllib
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import matrix
from matrix import Row
from wheels.gates.wheel_file import WheelFile, WheelFileError


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    where : str
        The file in the wheel, or what else it is about.
    what : str
        What is wrong, and what to do.
    note : bool, optional
        Nothing is wrong, but something could not be looked at here.
    """

    where: str
    what: str
    note: bool = False


@dataclass(frozen=True)
class Target:
    """What a wheel is to be.

    Parameters
    ----------
    row : Row
        The row.
    root : Path
        The checkout that it is made from.
    """

    row: Row
    root: Path

    @classmethod
    def of(cls, root: Path, row: str) -> Target:
        """Return the target of a row, by its name or its alias.

        Raises
        ------
        MatrixError
            There is no such row.
        """
        return cls(matrix.load(root).row(row), root)

    @cached_property
    def project(self) -> Mapping[str, Any]:
        """What pyproject.toml says."""
        return tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def version(self) -> str:
        """The wheel's version, with its label."""
        return self.row.wheel_version(self.project["project"]["version"])

    @cached_property
    def package(self) -> frozenset[str]:
        """The files of the checkout that a wheel installs as they are.

        Raises
        ------
        WheelFileError
            It is no checkout of git's.
        """
        rules = self.project["tool"]["scikit-build"]["wheel"]
        ask = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *rules["packages"]]
        result = subprocess.run(ask, cwd=self.root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise WheelFileError(str(self.root), f"git does not tell its files: {result.stderr.strip()}")
        names = (name for name in result.stdout.split("\0") if name and (self.root / name).is_file())
        return frozenset(name for name in names if not any(fnmatch(name, pattern) for pattern in rules["exclude"]))


class Gate(Protocol):
    """One thing that has to be true of a wheel."""

    @property
    def name(self) -> str:
        """What the gate is called in the table."""

    @property
    def why(self) -> str:
        """What it is for, in a line."""

    def check(self, wheel: WheelFile, target: Target) -> list[Finding]:
        """Return what is wrong: nothing where the wheel passes."""


@dataclass(frozen=True)
class Rule:
    """A gate that is a function."""

    name: str
    why: str
    function: Callable[[WheelFile, Target], Iterable[Finding]]

    def check(self, wheel: WheelFile, target: Target) -> list[Finding]:
        """Return what is wrong."""
        return list(self.function(wheel, target))


@dataclass(frozen=True)
class Verdict:
    """What a gate says of a wheel."""

    gate: str
    why: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return not all(finding.note for finding in self.findings)

    @property
    def word(self) -> str:
        """The verdict for the table."""
        return "FAILED" if self.failed else "partly" if self.findings else "passed"


def run(gates: Iterable[Gate], wheel: WheelFile, target: Target) -> list[Verdict]:
    """Let every gate look at a wheel, also those after one that finds something."""
    verdicts = []
    for gate in gates:
        try:
            findings = gate.check(wheel, target)
        except WheelFileError as error:
            findings = [Finding(error.where, error.what)]
        # A wheel may be wrong in ways that nobody has thought of: the other gates and the report go on.
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            told = f"could not be looked at: {type(error).__name__} ({error}) in {where}"
            findings = [Finding(wheel.path.name, told)]
        verdicts.append(Verdict(gate.name, gate.why, tuple(findings)))
    return verdicts


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as lines: each gate, and below it what it found."""
    width = max(len(verdict.gate) for verdict in verdicts)
    lines = []
    for verdict in verdicts:
        lines.append(f"{verdict.gate:<{width}}  {verdict.word}  {verdict.why}")
        lines += [f"{'':<{width}}  - {finding.where}: {finding.what}" for finding in verdict.findings]
    return "\n".join(lines)


def write_report(path: Path, wheel: WheelFile, target: Target, verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts as JSON; what was there stays until the new text is whole."""
    report = {
        "wheel": wheel.path.name,
        "sha256": wheel.sha256,
        "row": target.row.name,
        "passed": not any(verdict.failed for verdict in verdicts),
        "gates": [dataclasses.asdict(verdict) for verdict in verdicts],
    }
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    new.replace(path)
