"""The commands that install or run a build on a machine, and what has to be there first."""

from __future__ import annotations

from .linker import link_libraries
from .machine import Machine
from .rows import Row, Rows

SITE = "SITE/"
"""str: stands for the address of the index where there is none."""


def pip_commands(row: Row, rows: Rows, machine: Machine, *, with_uv: bool) -> tuple[str, ...]:
    """Return the commands that install a build's wheel; with uv, into an environment with a Python that uv brings."""
    has_all = machine.libraries is not None and _brought(row) <= machine.libraries
    install = pip_command(row, rows, with_extra=not has_all)
    return (f"uv venv --python {rows.python}", f"uv {install}") if with_uv else (install,)


def pip_command(row: Row, rows: Rows, *, with_extra: bool) -> str:
    """Return the command that installs a build's wheel, with what its extra brings where that is wanted."""
    # In quotes: brackets are a pattern to some shells.
    what = f'"xllamacpp[{row.extra.name}]"' if row.extra and with_extra else "xllamacpp"
    return f"pip install --index-url {rows.site or SITE}{row.folder} {what}"


def extra_command(name: str | None, rows: Rows) -> str:
    """Return the command that installs what a build's extra brings; empty where the build has none, or is not ours."""
    row = rows.find(name)
    if row is None or row.extra is None:
        return ""
    where = "" if rows.site else f" ({SITE} is the address of the package index)"
    return pip_command(row, rows, with_extra=True) + where


def _brought(row: Row) -> frozenset[str]:
    """Return the libraries that a build's wheel links to and its extra brings."""
    return frozenset(row.libraries).intersection(row.extra.libraries if row.extra else ())


def docker_command(row: Row, rows: Rows, machine: Machine) -> str:
    """Return the command that serves the demo model with a build's image."""
    flags = [*row.device_flags, *_group_flags(row, rows, machine)]
    if row.backend == "vulkan" and not {"AMD", "Intel"} & set(machine.vulkan.render_nodes):
        flags = [rows.nvidia_flag]
    return " ".join(["docker run", rows.serving, *flags, f"{rows.image}:{row.name}"])


def _group_flags(row: Row, rows: Rows, machine: Machine) -> list[str]:
    # The numbers inside of a container are not the host's.
    if machine.container or not machine.groups:
        return [rows.group_flag.format(group=group) for group in row.groups]
    return [f"--group-add {machine.groups[group]}" for group in row.groups if group in machine.groups]


def missing_libraries(row: Row, machine: Machine) -> tuple[str, ...]:
    """Say which libraries a build's wheel links to that are not here, one line for each that brings them.

    Those that come with the command are left out.
    """
    if machine.libraries is None:
        return ()
    lacking: dict[str, list[str]] = {}
    for name, provider in row.libraries.items():
        if name not in machine.libraries | _brought(row) | set(machine.unlinked):
            lacking.setdefault(provider, []).append(name)
    return link_libraries(row, machine) + tuple(
        f"first install {' and '.join(names)}, of {provider}: the wheel links to "
        f"{'it' if len(names) == 1 else 'them'}, and the image has what it needs"
        for provider, names in lacking.items()
    )
