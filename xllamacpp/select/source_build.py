"""A build from a checkout, where no wheel makes as much of the hardware."""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Machine
from .obstacles import python_obstacle
from .rows import Rows

_SWITCHES = {
    "cuda": ("XLLAMACPP_BUILD_CUDA=1", "CUDA's toolkit"),
    "hip": ("XLLAMACPP_BUILD_HIP=1", "ROCm"),
    "vulkan": ("XLLAMACPP_BUILD_VULKAN=1", "Vulkan's headers and glslc"),
}


@dataclass(frozen=True)
class SourceBuild:
    """A build from a checkout.

    Parameters
    ----------
    backend : str
        Its kind, as in matrix.yaml.
    how : str
        What to do.
    """

    backend: str
    how: str


def build_for(backend: str, machine: Machine, rows: Rows) -> SourceBuild:
    """Return the build of a kind, and how this machine comes by it."""
    parts = []
    if backend in _SWITCHES:
        switch, toolkit = _SWITCHES[backend]
        parts = [f"{switch} in the environment", f"{toolkit} installed"]
    if python_obstacle(machine, rows):
        parts.append(f"CPython {rows.python} or newer")
    has = f", with {' and '.join(parts)}" if parts else ""
    return SourceBuild(backend, f"build it here: pip install . in a checkout{has} (README.md, Building)")
