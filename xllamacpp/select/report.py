"""A choice in words, and as what JSON can hold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from .choice import Choice, Offer
from .install_commands import explain
from .machine import Machine
from .rows import Rows

_WIDTH = 100


def describe(machine: Machine, rows: Rows) -> list[str]:
    """Return some lines on what a machine is."""
    python = machine.interpreter
    threads = " free-threaded" if python.is_free_threaded else ""
    system = [
        f"{python.system} {python.architecture}",
        machine.release,
        "in WSL" if machine.is_wsl else "",
        f"in a container ({machine.container})" if machine.container else "",
        python.libc,
        f"{python.implementation} {python.version}{threads}",
    ]
    level = f" (x86-64-v{machine.cpu.level})" if machine.cpu.level else ""
    lines = [", ".join(filter(None, system)), f"CPU: {machine.cpu.name or 'unknown'}{level}"]
    nvidia, amd = machine.nvidia, machine.amd
    if nvidia.driver:
        cuda = f" (CUDA {nvidia.cuda})" if nvidia.cuda else ""
        gpus = [f"{gpu.name}, compute capability {gpu.capability or 'unknown'}" for gpu in nvidia.gpus]
        lines.append(f"NVIDIA: driver {nvidia.driver}{cuda}; {'; '.join(gpus) or 'no GPU'}")
    if amd.targets:
        gpus = [f"{target} ({rows.amd_gpus[target]})" if target in rows.amd_gpus else target for target in amd.targets]
        driver = f"AMD's amdgpu {amd.driver}" if amd.driver else "Linux's own amdgpu"
        lines.append(f"AMD: {'; '.join(gpus)}; ROCm {' and '.join(amd.rocm) or 'not installed'}; {driver}")
    if machine.vulkan.devices:
        devices = [f"{device.name} ({device.version})" for device in machine.vulkan.devices]
        lines.append(f"Vulkan: {'; '.join(devices)}")
    if machine.pci_gpus and not (nvidia.driver or amd.targets or machine.vulkan.devices):
        lines.append(f"GPU without a driver: {', '.join(machine.pci_gpus)}")
    return lines + [f"Not known: {note}" for note in machine.notes]


def as_text(choice: Choice, machine: Machine, rows: Rows) -> str:
    """Return the answer for a person."""
    parts = [
        _section("This machine", describe(machine, rows)),
        _section("With pip", _offer(choice.pip, choice.why_no_pip)),
        _section("With Docker", _offer(choice.docker, choice.why_no_docker)),
        _section("Not taken", _rejected(choice)),
    ]
    if choice.source:
        parts.insert(3, _section("From source", [choice.source.how]))
    if choice.remedies:
        parts.append(_section("For a better one", choice.remedies))
    return "\n".join(parts)


def as_json(choice: Choice, machine: Machine, rows: Rows) -> dict[str, Any]:
    """Return the answer for a program."""
    # Of all the libraries of a system, those that a build links to.
    linked = {name for row in rows.rows for name in row.libraries}
    known = None if machine.libraries is None else sorted(linked & machine.libraries)
    unlinked = {name: folder for name, folder in machine.unlinked.items() if name in linked}
    return {**asdict(choice), "machine": {**asdict(machine), "libraries": known, "unlinked": unlinked}}


def _offer(offer: Offer | None, why_not: str) -> Iterator[str]:
    if not offer:
        yield f"nothing: {why_not}"
        return
    yield offer.row
    yield from offer.needs
    # A command that is broken over lines cannot be copied.
    yield "$ " + "\n    ".join(offer.commands)
    for reason in offer.reasons:
        yield f"because {reason}"
    yield from explain(offer.commands)


def _rejected(choice: Choice) -> Iterator[str]:
    for each in choice.rejected:
        way = f" with {each.ways[0]}" if len(each.ways) == 1 else ""
        yield f"{each.row}{way}: {each.reason}"


def _section(title: str, lines: Iterable[str]) -> str:
    return f"{title}\n{''.join(_line(line) for line in lines)}"


def _line(text: str) -> str:
    if text.startswith("$ "):
        return f"\n    {text[2:]}\n\n"
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False) + "\n"
