"""docs/image_runs.yaml: how far each row was last taken, and on what."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matrix import Matrix
from strict_yaml import Builder, StrictYamlError, read

FILE = "docs/image_runs.yaml"


class ImageRunError(StrictYamlError):
    """The record of runs has a row too few or too many, or an entry of it says too little."""


@dataclass(frozen=True)
class ImageRun:
    """The last run of one row.

    Parameters
    ----------
    reached : str
        How far it went: ``nothing``, ``checked`` (all but its GPU module), ``compiled``, ``ran`` (on the CPU) or ``ran
        on a GPU``.
    what : str
        What was done, or why nothing was.
    date : date, optional
        When; there is none where nothing was reached.
    bases : str, optional
        Whether the base images were ``upstream``'s own or ``stand-ins``.
    machine : str, optional
        What it was built and run on.
    """

    reached: Literal["nothing", "checked", "compiled", "ran", "ran on a GPU"]
    what: str
    date: datetime.date | None = None
    bases: Literal["upstream", "stand-ins"] | None = None
    machine: str | None = None

    @property
    def summary(self) -> str:
        """The run in a few words, for a table."""
        if self.reached == "nothing":
            return "never built"
        if self.reached == "checked":
            return f"{self.date}: checked, its module never built"
        built = "built" if self.bases == "upstream" else "built from stand-ins"
        return f"{self.date}: {built}" if self.reached == "compiled" else f"{self.date}: {built}, {self.reached}"


def load(root: Path, matrix: Matrix) -> Mapping[str, ImageRun]:
    """Read the record: one entry for each row, in the matrix's order.

    Parameters
    ----------
    root : Path
        The root of the checkout.
    matrix : Matrix
        Whose rows the entries have to be.

    Raises
    ------
    ImageRunError
        What :class:`ImageRunError` says, with the line.
    """
    try:
        return _load(root, matrix)
    except StrictYamlError as error:
        raise ImageRunError(str(error)) from None


def _load(root: Path, matrix: Matrix) -> Mapping[str, ImageRun]:
    node, builder = read(root, FILE), Builder(FILE)
    runs = node.value.get("runs")
    if runs is None or not isinstance(runs.value, dict) or len(node.value) != 1:
        builder.fail(1, "", "there has to be one key, runs, with an entry for each row")
    for name in runs.value:
        if name not in matrix.rows:
            builder.fail(runs.key_lines[name], f"row {name}", "is not in matrix.yaml")
    found = {}
    for name in matrix.rows:
        if name not in runs.value:
            builder.fail(runs.line, f"row {name}", "is missing: say nothing was reached, if that is so")
        run = builder.build(ImageRun, runs.value[name], f"row {name}")
        given = [value is not None for value in (run.date, run.bases, run.machine)]
        if run.reached == "nothing" and any(given):
            builder.fail(runs.value[name].line, f"row {name}", "nothing was reached, so no date, bases or machine")
        if run.reached != "nothing" and not all(given):
            builder.fail(runs.value[name].line, f"row {name}", f"{run.reached} needs date, bases and machine")
        found[name] = run
    return found
