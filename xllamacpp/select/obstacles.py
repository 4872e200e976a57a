"""What keeps a wheel or an image off a machine, whatever its GPU."""

from __future__ import annotations

import re

from .machine import Machine
from .rows import Row, Rows, numbers

_DOCKER_DESKTOP = ("Windows", "Darwin")


def wheel_obstacle(row: Row, machine: Machine) -> str:
    """Say why pip cannot install a build's wheel here; empty where it can, at least with another Python."""
    python = machine.interpreter
    if row.no_wheel:
        return f"it is not published: {row.no_wheel}"
    if python.system != "Linux":
        return f"there is no wheel for {_called(python.system)} yet: all are for Linux"
    tag = re.match(r"manylinux_(\d+_\d+)_(\w+)$", row.platform)
    assert tag
    glibc, architecture = tag[1].replace("_", "."), tag[2]
    if python.architecture != architecture:
        return f"its wheel is for {architecture}, and this is {python.architecture}"
    if not python.libc.startswith("glibc"):
        return f"its wheel is for glibc {glibc} or newer, and this is {python.libc or 'another C library'}"
    if numbers(python.libc) < numbers(glibc):
        return f"its wheel needs glibc {glibc} or newer, and this is {python.libc}"
    return ""


def image_obstacle(row: Row, machine: Machine) -> str:
    """Say why a build's image cannot run here; empty where it can."""
    python = machine.interpreter
    if row.no_image:
        return f"it is not published: {row.no_image}"
    if python.architecture != "x86_64":
        return f"its image is for x86_64, and this is {python.architecture}"
    # Docker Desktop runs Linux in a machine of its own: NVIDIA's GPUs get into Windows' one.
    if python.system in _DOCKER_DESKTOP and row.backend in ("hip", "vulkan"):
        return f"Docker on {_called(python.system)} does not give the GPU to a container of it"
    return ""


def python_obstacle(machine: Machine, rows: Rows) -> str:
    """Say why the wheels are not for this Python; empty where they are."""
    python = machine.interpreter
    if python.implementation != "CPython":
        return f"the wheels are for CPython, and this is {python.implementation}"
    if numbers(python.version) < numbers(rows.python):
        return f"the wheels are for Python {rows.python} and newer, and this is {python.version}"
    if python.is_free_threaded:
        return "the wheels are for the usual CPython, and this one is free-threaded"
    return ""


def _called(system: str) -> str:
    return {"Darwin": "macOS"}.get(system, system or "this system")
