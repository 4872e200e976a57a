"""The folders of the wheel index: which wheels each lists, and what a visitor chooses a row's by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import Version

from index.ledger import Ledger, ReleasedFile
from matrix import Matrix
from matrix.row import Backend


@dataclass(frozen=True)
class IndexPage:
    """One index: a folder of the site, which serves one row's wheels.

    Parameters
    ----------
    row : str
        The row.
    folder : str
        What it is called; ``pip install --index-url SITE/whl/FOLDER/`` takes it.
    aliases : tuple of str
        Its other names: folders with the same content.
    label : str
        The local label of its wheels, e.g. ``cu124``.
    backend : str
        The row's backend.
    title, hardware, drivers : str
        What a visitor chooses by.
    glibc : str
        The oldest C library that its wheels run on.
    cuda : str or None
        The CUDA version that ``nvidia-smi`` has to show at least; None for other hardware.
    gpus : mapping of str to str
        The GPUs that it has device code for, by their code's name.
    image : str or None
        The image for the same hardware, where one is published.
    extra : str or None
        The extra that brings the libraries of its GPU's toolkit, where its wheels have one.
    """

    row: str
    folder: str
    aliases: tuple[str, ...]
    label: str
    backend: Backend
    title: str
    hardware: str
    drivers: str
    glibc: str
    cuda: str | None
    gpus: Mapping[str, str]
    image: str | None
    extra: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The folder's name and its other ones."""
        return (self.folder, *self.aliases)


def folders(ledger: Ledger, matrix: Matrix) -> dict[str, list[ReleasedFile]]:
    """Return the wheels in each folder.

    A row's folders list its wheels, and are there before the first: "no matching distribution" says more than "not
    found". What a folder has had it keeps, whatever became of the row or of its name.

    Parameters
    ----------
    ledger : Ledger
        What is released.
    matrix : Matrix
        The rows of today.
    """
    names = {page.row: page.names for page in index_pages(matrix)}
    found: dict[str, list[ReleasedFile]] = {name: [] for each in names.values() for name in each}
    for record in ledger.files:
        for name in dict.fromkeys((*record.folders, *names.get(record.row, ()))):
            found.setdefault(name, []).append(record)
    return found


def index_pages(matrix: Matrix) -> list[IndexPage]:
    """Return the pages of the rows whose wheels are published, in the matrix's order."""
    cuda = _least_cuda(matrix)
    return [
        IndexPage(
            row=row.name,
            folder=row.wheel.index,
            aliases=row.wheel.index_aliases,
            label=row.wheel.label,
            backend=row.backend,
            title=row.title,
            hardware=row.hardware,
            drivers=row.drivers,
            glibc=".".join(row.wheel.platform.split("_")[1:3]),
            cuda=cuda.get(row.name),
            gpus=matrix.gpus_of(row),
            image=f"{matrix.name}:{row.name}" if row.image.published else None,
            extra=row.wheel.extra.name if row.wheel.extra else None,
        )
        for row in matrix.rows.values()
        # The matrix's rules see to it that one that is published has both.
        if row.wheel.published and row.wheel.index and row.wheel.label
    ]


def _least_cuda(matrix: Matrix) -> dict[str, str]:
    """Return from which CUDA version on a row is the one to take: its toolkit's own.

    The oldest of a generation is for all drivers of that generation: they run what is compiled for their GPU.
    """
    toolkits = {row.name: Version(row.cuda.toolkit) for row in matrix.rows.values() if row.cuda}
    oldest = {min(found for found in toolkits.values() if found.major == each.major) for each in toolkits.values()}
    return {name: f"{each.major}.{0 if each in oldest else each.minor}" for name, each in toolkits.items()}
