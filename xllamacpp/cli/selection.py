"""What ``xllamacpp doctor`` says of the build that is installed: which one it is, and whether another suits better."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from typing import Any

from xllamacpp import BUILD_INFO
from xllamacpp.cli.probes import Observation, distributions_here
from xllamacpp.select import Choice, Machine, Offer, choose, read_machine
from xllamacpp.select.fits import FITS
from xllamacpp.select.install_commands import explain
from xllamacpp.select.rows import Row, Rows, load_rows

# The fastest first. Metal is for Macs alone, which nothing of matrix.yaml is for.
_KINDS = ["metal", *FITS]


def look_at_selection() -> Iterator[Observation]:
    """Compare the build that is installed with the one that is for this machine."""
    rows = load_rows()
    backends = BUILD_INFO["backends"]
    yield from compare(backends, installed_row(rows, BUILD_INFO, distributions_here()), read_machine(), rows)


def installed_row(rows: Rows, build: Mapping[str, Any], distributions: Sequence[metadata.Distribution]) -> Row | None:
    """Return the row that the installed build is of.

    Parameters
    ----------
    rows : Rows
        What ships.
    build : mapping of str to object
        What the build says of itself.
    distributions : sequence of Distribution
        What pip has on record.

    Returns
    -------
    Row or None
        None for a build of the user's own with a GPU backend: which toolkit it is for, nothing says.
    """
    # The build of a row names it. A label may be that of all variants, or of a build that nobody has finished.
    found = [row for row in rows.rows if row.name == build["row"]]
    if not found:
        labels = [distribution.version.partition("+")[2] for distribution in distributions]
        found = [row for row in rows.rows if row.label and row.label in labels]
    if not found and build["backends"] == ["cpu"]:
        found = [row for row in rows.rows if row.backend == "cpu"]
    return found[0] if found else None


def compare(backends: Sequence[str], row: Row | None, machine: Machine, rows: Rows) -> Iterator[Observation]:
    """Say which build is installed, and whether another one would suit the machine better.

    Parameters
    ----------
    backends : sequence of str
        What the installed build has.
    row : Row or None
        The row that it is of, where that is known.
    machine : Machine
        The machine.
    rows : Rows
        What ships.
    """
    kind = min(backends, key=_KINDS.index)
    name = row.name if row else f"a build of your own, for {kind}"
    yield Observation("this build", name)
    choice = choose(machine, rows)
    # In a container it is the image that would be another.
    offers = (choice.docker, choice.pip) if machine.container else (choice.pip, choice.docker)
    best = next(filter(None, offers), None)
    if best:
        yield _judge(kind, row, best, choice, rows)
    # What is built in a container goes with it.
    source = None if machine.container and choice.docker else choice.source
    if source and _KINDS.index(source.backend) < _KINDS.index(kind):
        text = f"a build for {source.backend} would suit this machine better, and there is no wheel of it for this one"
        yield Observation("from source", text, "ok", source.how)
    for remedy in choice.remedies:
        yield Observation("a better one", "another build would suit this machine better, were it changed", "ok", remedy)


def _judge(kind: str, row: Row | None, best: Offer, choice: Choice, rows: Rows) -> Observation:
    best_kind = next(each.backend for each in rows.rows if each.name == best.row)
    is_better = _KINDS.index(best_kind) < _KINDS.index(kind)
    if best_kind == kind and row and row.name != best.row and row.backend != "cpu":
        is_better = not any(each.would_run for each in choice.rejected if each.row == row.name)
    if is_better:
        remedy = "\n".join((*best.needs, " && ".join(best.commands), *explain(best.commands)))
        return Observation("best build", f"{best.row}: {'; '.join(best.reasons)}", "warning", remedy)
    if best_kind == kind:
        return Observation(
            "best build", "this one" if not row or row.name == best.row else f"{best.row}; this one will do"
        )
    if choice.source and choice.source.backend == kind:
        return Observation("best build", "this one: there is no wheel of this kind for this machine")
    return Observation("best build", f"{best.row}, which is smaller; this one runs on the CPU too")
