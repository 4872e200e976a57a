"""What a build makes of device nodes that this process may not open."""

from __future__ import annotations

from collections.abc import Sequence

from .container_gpus import give_nodes
from .fit import Fit
from .machine import Machine
from .nodes import ClosedNode, explain_closed
from .rows import Row


def fit_closed(row: Row, machine: Machine, closed: Sequence[ClosedNode], given: Sequence[str]) -> Fit | None:
    """Say why a build cannot use its GPU; None where all nodes can be opened.

    Parameters
    ----------
    row : Row
        The build.
    machine : Machine
        The machine.
    closed : sequence of ClosedNode
        The nodes that cannot.
    given : sequence of str
        What a container is given for the GPU.
    """
    if not closed:
        return None
    give = give_nodes(machine.container, given) if machine.container else ""
    findings = explain_closed(closed, machine.container, give)
    remedies = "; ".join(dict.fromkeys(finding.remedy for finding in findings))
    return Fit("; ".join(finding.problem for finding in findings), remedy=f"{remedies}; then take {row.name}")
