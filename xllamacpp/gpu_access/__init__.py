"""Why this build's GPU backends have no device here, and what helps.

A GPU is out of reach for reasons that llama.cpp says nothing about: a container that was started without it, a group
that may open its device nodes, a driver that is missing or too old. Each is looked for, and found with its remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xllamacpp._build_info import BUILD_INFO
from xllamacpp.devices import get_backend_modules, get_device_info, get_system_info
from xllamacpp.enums import ggml_backend_dev_type
from xllamacpp.gpu_access import cuda, hip, vulkan
from xllamacpp.gpu_access.machine import Finding, Machine, Module
from xllamacpp.select.install_commands import extra_command
from xllamacpp.select.rows import load_rows

__all__ = ["Finding", "GpuAccess", "Machine", "get_gpu_access"]


@dataclass(frozen=True)
class GpuAccess:
    """What a build's GPU backends make of a machine.

    Parameters
    ----------
    backends : tuple of str
        The GPU backends that the build has: "cuda", "hip", "metal", "vulkan".
    devices : tuple of str
        The names of the GPUs that models can run on.
    unsupported : tuple of str
        The names of those that llama.cpp sees and would abort on.
    findings : tuple of Finding
        What is in the way.
    """

    backends: tuple[str, ...]
    devices: tuple[str, ...]
    unsupported: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Backend:
    """How a backend's devices are called, what finds its obstacles, and what to look at where nothing is found."""

    prefix: str
    tool: str
    find_obstacles: Callable[[Machine, Module], list[Finding]]
    find_unsupported: Callable[[Machine, Module, dict[str, str]], dict[str, Finding]]


_BACKENDS = {
    "cuda": _Backend("CUDA", "nvidia-smi", cuda.find_obstacles, cuda.find_unsupported),
    "hip": _Backend("ROCm", "rocminfo", hip.find_obstacles, hip.find_unsupported),
    # Every driver of Vulkan's compiles for its own device.
    # Every Mac that there is a build for has a GPU and its driver.
    "metal": _Backend("MTL", "system_profiler SPDisplaysDataType", lambda *_: [], lambda *_: {}),
    "vulkan": _Backend("Vulkan", "vulkaninfo --summary", vulkan.find_obstacles, lambda *_: {}),
}


def get_gpu_access() -> GpuAccess:
    """Find out which GPUs this build can use on this machine, and what keeps it from others.

    Returns
    -------
    GpuAccess
        With findings where there is no GPU at all, and for each GPU that cannot be used as it is.
    """
    command = extra_command(BUILD_INFO["row"], load_rows())
    return diagnose(Machine(), get_backend_modules(), get_device_info(), get_system_info(), command)


def diagnose(
    machine: Machine,
    modules: list[dict[str, Any]],
    devices: list[dict[str, Any]],
    system_info: str = "",
    extra_command: str = "",
) -> GpuAccess:
    """Do what :func:`get_gpu_access` does, for any machine.

    Parameters
    ----------
    machine : Machine
        Where to look.
    modules : list of dict
        As :func:`get_backend_modules` gives them.
    devices : list of dict
        As :func:`get_device_info` gives them.
    system_info : str, optional
        As :func:`get_system_info` gives it.
    extra_command : str, optional
        As :class:`Module` has it.
    """
    capabilities = re.search(r"\bCUDA : ARCHS = ([\d,]+)", system_info)
    gpu_modules = [
        Module(
            name=module["name"],
            path=Path(module["path"]),
            is_loaded=module["loaded"],
            reason=module["reason"],
            capabilities=tuple(map(int, capabilities[1].split(","))) if capabilities else (),
            extra_command=extra_command,
        )
        for module in modules
        if module["name"] in _BACKENDS
    ]
    gpus = _used(devices)
    unsupported: dict[str, Finding] = {}
    for module in gpu_modules:
        unsupported |= _find_unsupported(machine, module, gpus)
    software = {gpu["name"]: gpu["description"] for gpu in gpus if vulkan.is_software(gpu["description"])}
    findings = list(unsupported.values())
    findings += [
        Finding(
            f"{name} ({description}) computes on the CPU",
            "llama.cpp's own code for the CPU is faster: --device none takes it",
        )
        for name, description in software.items()
    ]
    if len(software) == len(gpus):
        for module in gpu_modules:
            findings += _find_obstacles(machine, module) or ([] if software else [_unexplained(module)])
    return GpuAccess(
        backends=tuple(module.name for module in gpu_modules),
        devices=tuple(gpu["name"] for gpu in gpus if gpu["name"] not in unsupported and gpu["name"] not in software),
        unsupported=tuple(unsupported),
        findings=tuple(findings),
    )


def _used(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the GPUs that llama.cpp takes where nobody chooses: those inside a CPU only where there are no others."""
    for kind in (
        ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_GPU,
        ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_IGPU,
    ):
        if gpus := [device for device in devices if device["type"] == kind]:
            return gpus
    return []


def _find_unsupported(machine: Machine, module: Module, gpus: list[dict[str, Any]]) -> dict[str, Finding]:
    backend = _BACKENDS[module.name]
    addresses = {gpu["name"]: gpu["device_id"] for gpu in gpus if gpu["name"].startswith(backend.prefix)}
    try:
        return backend.find_unsupported(machine, module, addresses) if addresses else {}
    except (OSError, AttributeError):
        return {}


def _find_obstacles(machine: Machine, module: Module) -> list[Finding]:
    try:
        return _BACKENDS[module.name].find_obstacles(machine, module)
    except (OSError, AttributeError):
        # The driver does not even answer. What only explains something else must not stop anything.
        return []


def _unexplained(module: Module) -> Finding:
    problem = "finds no device" if module.is_loaded else f"is not used ({module.reason})"
    return Finding(f"the {module.name} module {problem}", f"see what {_BACKENDS[module.name].tool} says")
