"""What a ROCm build makes of a machine: which GPUs there are, and which ROCm is installed."""

from __future__ import annotations

from collections.abc import Iterable

from .access_fit import fit_closed
from .container_gpus import give_nodes
from .fit import Fit, Way
from .machine import Machine
from .nodes import KFD
from .rows import Row, Rows, numbers

_NODES = (KFD, "/dev/dri")


def fit_hip(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Compare the GPUs' names in LLVM with what a ROCm build has code for; for a wheel, its ROCm with the one here."""
    return _without_gpu(row, machine, rows) or _without_access(row, machine, way) or _with_gpu(row, machine, rows, way)


def _without_gpu(row: Row, machine: Machine, rows: Rows) -> Fit | None:
    amd = machine.amd
    on_bus = ", ".join(gpu for gpu in machine.pci_gpus if gpu.startswith("1002:"))
    if not amd.targets:
        if machine.is_wsl:
            return Fit("WSL shows Linux no AMD GPU, and AMD's ROCm for WSL, which asks Windows, is not looked for")
        if on_bus and machine.interpreter.system == "Linux":
            where = (
                "is not in this container"
                if machine.container
                else "is not shown by the kernel (no node of amdgpu's in /sys/class/kfd)"
            )
            return Fit(f"the AMD GPU ({on_bus}) {where}")
        return Fit("there is no AMD GPU")
    names = _names(amd.targets, rows)
    if not set(amd.targets) & set(row.architectures):
        return Fit(f"{row.name} has no code for {names}: it has {', '.join(row.architectures)}")
    if amd.has_kfd:
        return None
    if machine.container:
        remedy = f"{give_nodes(machine.container, _NODES)}; or ask outside of it"
        return Fit(f"{names} is on the host, and not in this container (no /dev/kfd)", remedy=remedy)
    return Fit(f"{names} has no /dev/kfd", remedy=f"load the kernel's amdgpu driver, then take {row.name}")


def _without_access(row: Row, machine: Machine, way: Way) -> Fit | None:
    # Docker itself may open them all.
    if way == "docker":
        return None
    closed = machine.closed_nodes
    renders = [node for node in closed if node.name != KFD]
    if len(renders) < len(machine.vulkan.render_nodes):
        # One of another GPU may be closed.
        closed = tuple(node for node in closed if node.name == KFD)
    return fit_closed(row, machine, closed, _NODES)


def _with_gpu(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    amd = machine.amd
    others = [target for target in amd.targets if target not in row.architectures]
    usable = [target for target in amd.targets if target in row.architectures]
    reasons = [f"{row.name} has code for {_names(usable, rows)}"]
    if others:
        reasons.append(f"it cannot use {_names(others, rows)}")
    wanted = numbers(row.release or "0")
    fitting = [version for version in amd.rocm if _is_fitting(numbers(version), wanted)]
    is_other = way == "pip" and bool(amd.rocm) and not fitting
    drawback = ""
    if way == "pip":
        installed = " and ".join(amd.rocm)
        if is_other:
            drawback = f"the installed ROCm is {installed}"
            reasons.append(f"it needs the libraries of ROCm {row.release}, and {installed} is installed")
        elif fitting:
            reasons.append(f"ROCm {fitting[-1]} is installed")
    rank = (len(others), int(is_other), *(-number for number in wanted))
    return Fit("; ".join(reasons), rank=rank, drawback=drawback, lacking=_lacking(row, machine) if way == "pip" else "")


def _is_fitting(version: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return version[:1] == wanted[:1] and version[:2] >= wanted


def _lacking(row: Row, machine: Machine) -> str:
    """Say which of ROCm's libraries are nowhere here; empty where all are, or where that is not known."""
    if machine.libraries is None:
        return ""
    here = machine.libraries | set(machine.unlinked)
    missing = [name for name, provider in row.libraries.items() if provider.startswith("ROCm") and name not in here]
    return f"{' and '.join(missing)} would have to be installed first" if missing else ""


def _names(targets: Iterable[str], rows: Rows) -> str:
    names = (f"{target} ({rows.amd_gpus[target]})" if target in rows.amd_gpus else target for target in targets)
    return ", ".join(dict.fromkeys(names))
