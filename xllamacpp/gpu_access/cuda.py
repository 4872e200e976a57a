"""What keeps CUDA from an NVIDIA GPU."""

from __future__ import annotations

import re
from enum import IntEnum

from xllamacpp.gpu_access.machine import Finding, Machine, Module
from xllamacpp.select.nvidia_faults import (
    FAULTS,
    INSTALLED,
    UPDATE_IN_WINDOWS,
    explain,
    find_hidden_gpu,
    last_branches,
)
from xllamacpp.select.rows import load_rows


class _Error(IntEnum):
    """cudaError_t, as far as there is something to say about it here; nvidia_faults.py has more."""

    SUCCESS = 0
    INSUFFICIENT_DRIVER = 35
    NO_DEVICE = 100


def find_obstacles(machine: Machine, module: Module) -> list[Finding]:
    """Tell why the CUDA module has no device.

    Parameters
    ----------
    machine : Machine
        Where to look.
    module : Module
        The CUDA module.

    Returns
    -------
    list of Finding
        Empty where everything that can be looked at is in order.
    """
    findings = []
    if module.missing_library and not _is_driver(module.missing_library):
        findings.append(_miss_toolkit(module))
    findings += _find_device_obstacles(machine, module)
    if findings:
        return findings
    if _is_driver(module.missing_library):
        return [_miss_driver(machine, module.missing_library)]
    return _ask(machine, module) if module.is_loaded else []


def find_unsupported(machine: Machine, module: Module, devices: dict[str, str]) -> dict[str, Finding]:
    """Tell which devices are older than all that the module has code for: llama.cpp would abort at the first kernel.

    Parameters
    ----------
    machine : Machine
        Where to look.
    module : Module
        The CUDA module.
    devices : dict of str to str
        By their names, ``CUDA0`` and so on; the addresses are not looked at.

    Returns
    -------
    dict of str to Finding
        By the device's name.
    """
    oldest = min(module.capabilities, default=0)
    unsupported = {}
    for name in devices:
        capability = machine.capability(module.path, int(name.removeprefix("CUDA")))
        if capability < oldest:
            problem = f"{name} has compute capability {capability / 100:.1f}; this build begins with {oldest / 100:.1f}"
            unsupported[name] = Finding(problem, "take the build for Vulkan")
    return unsupported


def _is_driver(library: str) -> bool:
    return library.startswith("libcuda.so")


def _miss_toolkit(module: Module) -> Finding:
    library = module.missing_library
    version = library.rpartition(".")[2]
    with_pip = f"{module.extra_command}; or " if module.extra_command else ""
    return Finding(
        f"{library}, a part of CUDA {version}, is missing",
        f"{with_pip}take the image, which has it; or install CUDA {version}'s runtime and cuBLAS where the dynamic "
        "linker finds them (LD_LIBRARY_PATH)",
    )


def _find_device_obstacles(machine: Machine, module: Module) -> list[Finding]:
    # WSL shows every GPU as one node.
    if not machine.find("/dev/nvidia[0-9]*", "/dev/dxg"):
        hidden = machine.environment.get("NVIDIA_VISIBLE_DEVICES")
        # An image for NVIDIA's runtime has "all"; empty or one of these words is somebody's wish.
        if machine.container and hidden in ("", "none", "void"):
            return [
                Finding(
                    f"NVIDIA_VISIBLE_DEVICES is '{hidden}', which keeps every GPU out of the container",
                    f"leave that variable out; {machine.give_nvidia()}",
                )
            ]
        if finding := _find_idle_driver(machine, module):
            return [finding]
        driver = f", nor its driver ({module.missing_library})" if _is_driver(module.missing_library) else ""
        return [Finding(f"there is no NVIDIA GPU here (no /dev/nvidia0){driver}", machine.give_nvidia())]
    nodes = machine.find("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia[0-9]*", "/dev/dxg")
    return machine.find_closed(nodes, machine.give_nvidia())


def _find_idle_driver(machine: Machine, module: Module) -> Finding | None:
    """Tell of a driver that is here, and shows no GPU."""
    gpus = machine.nvidia_gpus
    if machine.container or machine.is_wsl or not gpus:
        return None
    version = _driver_version(machine)
    if version:
        problem = f"NVIDIA's driver{version} shows no GPU (no /dev/nvidia0), and one is here ({gpus})"
        return Finding(problem, find_hidden_gpu(version, load_rows()))
    if module.is_loaded or machine.find(*INSTALLED):
        return explain("not loaded", None, in_wsl=False)
    return None


def _miss_driver(machine: Machine, library: str) -> Finding:
    capabilities = machine.environment.get("NVIDIA_DRIVER_CAPABILITIES", "")
    if machine.container and capabilities and not {"all", "compute"} & set(capabilities.split(",")):
        return Finding(
            f"NVIDIA_DRIVER_CAPABILITIES is '{capabilities}', without 'compute', so {library} is not in the container",
            "set it to compute,utility",
        )
    return explain("no library", machine.container, in_wsl=machine.is_wsl)


def _ask(machine: Machine, module: Module) -> list[Finding]:
    code, text = machine.ask(module.path, "cuda")
    where = "on the host" if machine.container else "here"
    match code:
        case _Error.SUCCESS:
            return []
        case _Error.INSUFFICIENT_DRIVER:
            return [
                Finding(
                    f"NVIDIA's driver{_driver_version(machine)} is too old for this build ({text})",
                    UPDATE_IN_WINDOWS
                    if machine.is_wsl
                    else f"update the driver {where}; the README's table says which one each build needs "
                    f"({last_branches(load_rows())})",
                )
            ]
        case _Error.NO_DEVICE if "CUDA_VISIBLE_DEVICES" in machine.environment:
            value = machine.environment["CUDA_VISIBLE_DEVICES"]
            return [
                Finding(
                    f"CUDA_VISIBLE_DEVICES is '{value}', which names no GPU that is here",
                    "leave that variable out, or name GPUs that nvidia-smi lists, such as 0",
                )
            ]
        case _Error.NO_DEVICE if (version := _driver_version(machine)) and machine.nvidia_gpus:
            remedy = f"see what nvidia-smi says {where}; {find_hidden_gpu(version, load_rows())}"
            return [Finding(f"CUDA has no device ({text}, error {code})", remedy)]
        case _ if code in FAULTS:
            return [explain(FAULTS[code], machine.container, in_wsl=machine.is_wsl, said=f"{text}, error {code}")]
    return [Finding(f"CUDA has no device ({text}, error {code})", f"see what nvidia-smi says {where}")]


def _driver_version(machine: Machine) -> str:
    found = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", machine.read("/proc/driver/nvidia/version"))
    return f" {found[0]}" if found else ""
