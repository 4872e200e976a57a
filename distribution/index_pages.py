"""What the pages of the wheel index say of each row."""

from __future__ import annotations

from dataclasses import dataclass

from matrix import Matrix


@dataclass(frozen=True)
class IndexPage:
    """One index: a folder of the site, which serves one row's wheels.

    Parameters
    ----------
    row : str
        The row.
    path : str
        The folder, from the root of the site; ``pip install --index-url SITE/PATH xllamacpp`` takes it.
    label : str or None
        The local label of its wheels, e.g. ``cu124``.
    title, hardware, drivers : str
        What a visitor chooses by.
    """

    row: str
    path: str
    label: str | None
    title: str
    hardware: str
    drivers: str


def index_pages(matrix: Matrix) -> list[IndexPage]:
    """Return the pages of the rows whose wheels are published, in the matrix's order."""
    return [
        IndexPage(row.name, f"whl/{row.wheel.index}/", row.wheel.label, row.title, row.hardware, row.drivers)
        for row in matrix.rows.values()
        if row.wheel.published
    ]
