"""What is wrong with NVIDIA's driver where it does not show its GPU, and what helps."""

from __future__ import annotations

from collections.abc import Iterable

from .container_gpus import give_nvidia
from .files import ContainerKind
from .finding import Finding
from .rows import Rows, numbers

UPDATE_IN_WINDOWS = "update NVIDIA's driver in Windows, and then run wsl --shutdown there; install none in Linux"
"""str: what helps in WSL, where a driver of Linux's would take the place of the one that Windows lends."""

INSTALLED = (
    "/usr/bin/nvidia-smi",
    "/usr/lib/*-linux-gnu/libcuda.so.1",
    "/usr/lib64/libcuda.so.1",
    "/usr/lib/libcuda.so.1",
)
"""tuple of str: where a part of NVIDIA's driver lies, loaded or not."""

FAULTS = {802: "not ready", 803: "mismatch", 999: "unknown"}
"""dict of int to str: what CUDA's errors say of the driver."""

# NVML's words for 803.
_MISMATCH = "Driver/library version mismatch"


def is_mismatch(text: str) -> bool:
    """Tell whether nvidia-smi says that the parts of the driver do not fit together."""
    return _MISMATCH in text


def explain(fault: str, container: ContainerKind | None, *, in_wsl: bool, said: str = "") -> Finding:
    """Say what a fault is, and what helps.

    Parameters
    ----------
    fault : str
        One of :data:`FAULTS`, "no library" or "not loaded".
    container : str or None
        What runs the container that this is in.
    in_wsl : bool
        Whether this is Linux inside Windows.
    said : str, optional
        The driver's own words.
    """
    where = "on the host" if container else "here"
    words = f" ({said})" if said else ""
    if fault == "mismatch":
        remedy = "restart the host: its driver was updated" if container else "restart this machine"
        return Finding(f"the parts of NVIDIA's driver do not fit together{words}", _or_windows(remedy, in_wsl))
    if fault == "not ready":
        return Finding(f"NVIDIA's GPUs are not ready{words}", f"start nvidia-fabricmanager {where}")
    if fault == "no library":
        problem = "the GPU's device nodes are here without libcuda.so.1, the driver's library"
        if container:
            return Finding(problem, f"do not pass the nodes alone; {give_nvidia(container)}")
        remedy = (
            "install it (Debian: libcuda1; Ubuntu: libnvidia-compute of the driver's version), or add its folder to "
            "LD_LIBRARY_PATH"
        )
        return Finding("libcuda.so.1, a part of NVIDIA's driver, is missing", _or_windows(remedy, in_wsl))
    if fault == "not loaded":
        return Finding(
            "NVIDIA's driver is installed, and its kernel module is not loaded",
            "sudo modprobe nvidia loads it, or dmesg says why not: a new kernel needs it built again (dkms status), "
            "and Secure Boot takes no unsigned one (mokutil --sb-state)",
        )
    remedy = (
        f"see what nvidia-smi and dmesg say {where}; after a suspend it helps to load a module again (sudo rmmod "
        "nvidia_uvm; sudo modprobe nvidia_uvm)"
    )
    return Finding(f"NVIDIA's driver fails{words}", _or_windows(remedy, in_wsl))


def last_branches(rows: Rows) -> str:
    """Say which GPUs newer drivers have dropped, and the last one for them; empty where there are none."""
    gpus: dict[str, list[str]] = {}
    for key, branch in rows.last_drivers.items():
        gpus.setdefault(branch, []).append(rows.nvidia_gpus[key])
    return "; ".join(f"the last branch for {', '.join(names)} is {branch}" for branch, names in gpus.items())


def last_branch_for(names: Iterable[tuple[str, str | None]], rows: Rows) -> str:
    """Say the last driver branch for GPUs, each with its compute capability; empty where newer ones know them."""
    known = {(name, rows.last_drivers.get((capability or "").replace(".", ""))) for name, capability in names}
    return "; ".join(f"the last branch for {name} is {branch}" for name, branch in sorted(known, key=str) if branch)


def find_hidden_gpu(driver: str, rows: Rows) -> str:
    """Say what to look at where a driver that is loaded shows no GPU."""
    reasons = []
    branches = [numbers(branch) for branch in rows.last_drivers.values()]
    if any(numbers(driver)[:1] > branch for branch in branches):
        reasons.append(last_branches(rows))
    reasons.append(
        "GeForce RTX 50 and newer take NVIDIA's open kernel modules, and those before RTX 20 and GTX 16 its "
        "proprietary ones"
    )
    return f"see what dmesg says of NVRM: {'; '.join(reasons)}"


def _or_windows(remedy: str, in_wsl: bool) -> str:
    return UPDATE_IN_WINDOWS if in_wsl else remedy
