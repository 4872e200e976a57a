"""What a ROCm build makes of a machine: which GPUs there are, and which ROCm is installed."""

from __future__ import annotations

from .fit import Fit, Way
from .machine import Machine
from .rows import Row, Rows, numbers


def fit_hip(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Compare the GPUs' names in LLVM with what a ROCm build has code for; for a wheel, its ROCm with the one here."""
    amd = machine.amd
    on_bus = ", ".join(gpu for gpu in machine.pci_gpus if gpu.startswith("1002:"))
    if not amd.targets:
        if on_bus and machine.interpreter.system == "Linux":
            where = (
                "is not in this container"
                if machine.container
                else "is not shown by the kernel (no node of amdgpu's in /sys/class/kfd)"
            )
            return Fit(f"the AMD GPU ({on_bus}) {where}")
        return Fit("there is no AMD GPU")
    names = [f"{target} ({rows.amd_gpus[target]})" if target in rows.amd_gpus else target for target in amd.targets]
    usable = [target for target in amd.targets if target in row.architectures]
    if not usable:
        return Fit(f"{row.name} has no code for {', '.join(names)}: it has {', '.join(row.architectures)}")
    if not amd.has_kfd:
        if machine.container:
            flags = " ".join(row.device_flags)
            remedy = f"start the container with the GPU (docker run {flags}), or ask outside of it"
            return Fit(f"{', '.join(names)} is on the host, and not in this container (no /dev/kfd)", remedy=remedy)
        return Fit(
            f"{', '.join(names)} has no /dev/kfd", remedy=f"load the kernel's amdgpu driver, then take {row.name}"
        )
    reasons = [f"{row.name} has code for {', '.join(dict.fromkeys(names))}"]
    version, wanted = numbers(amd.rocm), numbers(row.release or "0")
    is_fitting = not amd.rocm or (version[:1] == wanted[:1] and version[:2] >= wanted)
    drawback = ""
    if way == "pip" and not is_fitting:
        drawback = f"the installed ROCm is {amd.rocm}"
        reasons.append(f"it needs the libraries of ROCm {row.release}, and {amd.rocm} is installed")
    elif way == "pip" and amd.rocm:
        reasons.append(f"ROCm {amd.rocm} is installed")
    rank = (len(amd.targets) - len(usable), int(way == "pip" and not is_fitting), *(-number for number in wanted))
    return Fit("; ".join(reasons), rank=rank, drawback=drawback)
