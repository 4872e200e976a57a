"""Whether a build can use a machine's hardware, how well, and why: a function for each kind of build."""

from __future__ import annotations

from collections.abc import Callable

from .cuda_fit import fit_cuda
from .fit import Fit, Way
from .hip_fit import fit_hip
from .machine import Machine
from .rows import Row, Rows
from .vulkan_fit import fit_vulkan


def fit_cpu(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Take any x86-64 processor: the build has a module for each."""
    level = f", which is x86-64-v{machine.cpu.level}" if machine.cpu.level else ""
    name = machine.cpu.name or "this processor"
    return Fit(f"it runs on every x86-64 processor, and takes the best of its modules for {name}{level}", rank=(0,))


FITS: dict[str, Callable[[Row, Machine, Rows, Way], Fit]] = {
    "cuda": fit_cuda,
    "hip": fit_hip,
    "vulkan": fit_vulkan,
    "cpu": fit_cpu,
}
"""The kinds of builds, the fastest first."""
