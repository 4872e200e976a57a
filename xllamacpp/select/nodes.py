"""The device nodes that a GPU is used through, and whether this process may."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .container_gpus import join_groups
from .files import ContainerKind
from .finding import Finding

KFD = "/dev/kfd"
RENDER_NODES = "/dev/dri/renderD*"


@dataclass(frozen=True)
class ClosedNode:
    """A device node that cannot be opened.

    Parameters
    ----------
    name : str
        Its path.
    error : int
        Why, as errno has it.
    group : int
        The number of the group that owns it.
    """

    name: str
    error: int
    group: int


def open_and_close(path: Path) -> None:
    """Open a node for reading and writing, and close it again; raise OSError where that cannot be done.

    Neither its mode nor its group tells: a container may forbid a device whose node it shows.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))


def closed_nodes(nodes: Iterable[Path], root: Path, open_node: Callable[[Path], None]) -> tuple[ClosedNode, ...]:
    """Return those of some nodes, which are there, that cannot be opened."""
    closed = []
    for node in nodes:
        try:
            open_node(node)
        except OSError as error:
            name = f"/{node.relative_to(root).as_posix()}"
            closed.append(ClosedNode(name, error.errno or 0, node.stat().st_gid))
    return tuple(closed)


def explain_closed(nodes: Iterable[ClosedNode], container: ContainerKind | None, give: str) -> list[Finding]:
    """Say why nodes cannot be opened, and what helps.

    Parameters
    ----------
    nodes : iterable of ClosedNode
        The nodes.
    container : str or None
        What runs the container that this is in.
    give : str
        What to do where the container forbids them: how it is given the GPU.
    """
    findings = []
    refused = []
    for node in nodes:
        if node.error == errno.EACCES:
            refused.append(node)
        elif node.error == errno.EPERM and container:
            findings.append(Finding(f"{node.name} is there, but the container may not use it", give))
        else:
            remedy = "see what the kernel says of it (dmesg, on the host)"
            findings.append(Finding(f"{node.name} cannot be opened: {os.strerror(node.error)}", remedy))
    if refused:
        names = ", ".join(node.name for node in refused)
        groups = sorted({node.group for node in refused})
        problem = f"this user (uid {os.geteuid()}) may not open {names}"
        findings.append(Finding(problem, join_groups(container, groups)))
    return findings
