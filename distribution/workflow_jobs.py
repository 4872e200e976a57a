"""The workflows' job matrices, as ``nox -s matrix -- --json`` prints them."""

from __future__ import annotations

import json
from typing import Any

from matrix import Matrix, Row


def render(matrix: Matrix) -> str:
    """Return one line of JSON: ``each_change``, ``all`` and ``gpu``, each an ``include`` list of rows for a job."""
    rows = matrix.rows.values()
    jobs = {
        "each_change": [_job(row) for row in rows if row.ci.each_change],
        "all": [_job(row) for row in rows],
        "gpu": [_job(row) for row in rows if row.ci.gpu_runner],
    }
    return json.dumps({name: {"include": rows} for name, rows in jobs.items()})


def _job(row: Row) -> dict[str, Any]:
    return {
        "row": row.name,
        "backend": row.backend,
        "runner": row.ci.runner,
        "gpu_runner": list(row.ci.gpu_runner),
        "timeout_minutes": row.ci.timeout_minutes,
        "published": {"wheel": row.wheel.published, "image": row.image.published},
    }
