"""Everything that the rendered files are made from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matrix
from matrix import Matrix
from rendering import image_runs
from rendering.image_runs import ImageRun


@dataclass(frozen=True)
class Facts:
    """The matrix, the record of runs, and what the project says of itself.

    Parameters
    ----------
    matrix : Matrix
        What ships.
    runs : mapping of str to ImageRun
        How far each row was last taken.
    version, description, license : str
        The project's, from pyproject.toml.
    python : str
        The oldest Python that the wheels are for, as ``3.11``.
    """

    matrix: Matrix
    runs: Mapping[str, ImageRun]
    version: str
    description: str
    license: str
    python: str


def load(root: Path) -> Facts:
    """Read the facts of a checkout.

    Raises
    ------
    MatrixError
        matrix.yaml is wrong.
    ImageRunError
        docs/image_runs.yaml is.
    """
    rows = matrix.load(root)
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    # cp311: what is built with the limited API of 3.11.
    abi = document["tool"]["scikit-build"]["wheel"]["py-api"]
    python = f"{abi[2]}.{abi[3:]}"
    runs = image_runs.load(root, rows)
    return Facts(rows, runs, project["version"], project["description"], project["license"], python)
