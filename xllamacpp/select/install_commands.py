"""The commands that install or run a build on a machine, and what has to be there first."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from .installer import Installer, find_installer, installer_here
from .linker import link_libraries
from .machine import Machine
from .rows import Row, Rows
from .source import ask_interpreter

SITE = "SITE/"
"""str: stands for the address of the index where there is none."""

_CONTAINER_TOOLKIT = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"

_SITE_MEANING = f"{SITE} stands for the address of the package index"


def pip_commands(row: Row, rows: Rows, machine: Machine) -> tuple[str, ...]:
    """Return the commands that install a build's wheel in place of any other, the last of them being pip's or uv's."""
    has_all = machine.libraries is not None and _brought(row) <= machine.libraries
    installer = find_installer(machine, rows)
    # With the version and its label: else pip and uv are content with any other build that is installed.
    install = _install(installer, row, rows, with_extra=not has_all, version=f"=={rows.version}+{row.label}")
    return (*installer.preparation, install)


def _install(installer: Installer, row: Row, rows: Rows, *, with_extra: bool, version: str = "") -> str:
    # In quotes: brackets are a pattern to some shells.
    what = f'"xllamacpp[{row.extra.name}]{version}"' if row.extra and with_extra else f"xllamacpp{version}"
    return f"{installer.command} --index-url {shlex.quote(f'{rows.site or SITE}{row.folder}')} {what}"


def extra_command(name: str | None, rows: Rows) -> str:
    """Return the command that adds its extra to an installed build; empty where it has none, or is not ours."""
    row = rows.find(name)
    if row is None or row.extra is None:
        return ""
    where = "" if rows.site else f" ({_SITE_MEANING})"
    return _install(installer_here(ask_interpreter()), row, rows, with_extra=True) + where


def explain(commands: Iterable[str]) -> tuple[str, ...]:
    """Say what stands in some commands for something else."""
    return (f"{_SITE_MEANING}: select's --site fills it in",) if any(SITE in command for command in commands) else ()


def _brought(row: Row) -> frozenset[str]:
    """Return the libraries that a build's wheel links to and its extra brings."""
    return frozenset(row.libraries).intersection(row.extra.libraries if row.extra else ())


def docker_command(row: Row, rows: Rows, machine: Machine) -> str:
    """Return the command that serves the demo model with a build's image."""
    flags = [*row.device_flags, *_group_flags(row, rows, machine)]
    if row.backend == "vulkan" and not {"AMD", "Intel"} & set(machine.vulkan.render_nodes):
        flags = [rows.nvidia_flag]
    return " ".join(["docker run", rows.serving, *flags, f"{rows.image}:{row.name}"])


def docker_needs(row: Row, rows: Rows, machine: Machine) -> tuple[str, ...]:
    """Say what has to be done on a host before a build's image runs there."""
    needs = []
    # A name without a registry's, as nothing is published yet.
    if "/" not in rows.image:
        needs.append(
            f"first build the image in a checkout: docker compose --profile {row.name} build (docs/images.md); or "
            "let XLLAMACPP_IMAGE name those of a registry of yours"
        )
    # Docker Desktop has it.
    if rows.nvidia_flag in docker_command(row, rows, machine) and machine.interpreter.system == "Linux":
        needs += _container_toolkit(rows.nvidia_flag, machine)
    return tuple(needs)


def _container_toolkit(flag: str, machine: Machine) -> tuple[str, ...]:
    if machine.nvidia.has_container_toolkit:
        return ()
    if machine.nvidia.has_container_toolkit is None:
        return (f"the host needs NVIDIA's Container Toolkit, which {flag} takes ({_CONTAINER_TOOLKIT})",)
    unless = ", unless Docker is Docker Desktop, which has it" if machine.is_wsl else ""
    what = f"NVIDIA's Container Toolkit ({_CONTAINER_TOOLKIT}){unless}"
    return (f"first install {what}: {flag} takes it, and it is not found here",)


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
