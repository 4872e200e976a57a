"""The workflows' job matrices, as ``nox -s matrix -- --json`` prints them."""

from __future__ import annotations

import json
from typing import Any

from matrix import Matrix, Row


def render(matrix: Matrix, gpu_runners: str | None = None) -> str:
    """Return one line of JSON: lists of rows for a job, each under ``include``.

    They are ``each_change``, ``published`` (a wheel and an image), ``all``, and ``gpu``.

    Parameters
    ----------
    matrix : Matrix
        The matrix.
    gpu_runners : str, optional
        Labels, as in "nvidia,amd". ``gpu`` then has the rows alone whose runner has one of them.
    """
    rows = matrix.rows.values()
    labels = None if gpu_runners is None else {label.strip() for label in gpu_runners.split(",")}
    jobs = {
        "each_change": [_job(row) for row in rows if row.ci.each_change],
        "published": [_job(row) for row in rows if row.wheel.published and row.image.published],
        "all": [_job(row) for row in rows],
        "gpu": [_job(row) for row in rows if row.ci.gpu_runner and (labels is None or labels & {*row.ci.gpu_runner})],
    }
    return json.dumps({name: {"include": rows} for name, rows in jobs.items()})


def _job(row: Row) -> dict[str, Any]:
    return {
        "row": row.name,
        "backend": row.backend,
        "runner": row.ci.runner,
        "gpu_runner": list(row.ci.gpu_runner),
        "timeout_minutes": row.ci.timeout_minutes,
    }
