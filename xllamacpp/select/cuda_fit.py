"""What a CUDA build makes of a machine: the driver's age, and the GPUs' compute capabilities."""

from __future__ import annotations

from collections.abc import Mapping

from .fit import Fit, Way
from .machine import Machine
from .rows import Row, Rows, numbers


def fit_cuda(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Compare the driver's age and the GPUs' compute capabilities with what a CUDA build has code for.

    Code for a GPU runs on those of the same generation with a newer minor number, and with any driver of the CUDA
    generation. What newer GPUs make their own from takes a driver as new as the toolkit.
    """
    return _without_gpu(row, machine, rows) or _without_code(row, machine) or _with_code(row, machine)


def _without_gpu(row: Row, machine: Machine, rows: Rows) -> Fit | None:
    nvidia, drivers = machine.nvidia, _drivers(row)
    on_bus = ", ".join(gpu for gpu in machine.pci_gpus if gpu.startswith("10de:"))
    if nvidia.gpus and nvidia.driver:
        return None
    if not nvidia.driver:
        if not on_bus:
            return Fit("there is no NVIDIA GPU")
        reason = f"there is an NVIDIA GPU ({on_bus}), and not NVIDIA's driver"
        return Fit(reason, remedy=_update(row, drivers["sass"]))
    if machine.container and not nvidia.has_nodes:
        reason = f"NVIDIA's driver {nvidia.driver} is on the host, and its GPU is not in this container"
        remedy = f"start the container with the GPU (docker run {rows.nvidia_flag}), or ask outside of it"
        return Fit(reason, remedy=remedy)
    if on_bus and numbers(nvidia.driver) < numbers(drivers["ptx"]):
        reason = f"NVIDIA's driver {nvidia.driver} does not know the GPU that is here ({on_bus})"
        return Fit(reason, remedy=_update(row, drivers["ptx"]))
    return Fit(f"NVIDIA's driver {nvidia.driver} shows no GPU")


def _without_code(row: Row, machine: Machine) -> Fit | None:
    nvidia, drivers = machine.nvidia, _drivers(row)
    kinds = {_code_for(row, gpu.capability) for gpu in nvidia.gpus}
    if kinds == {""}:
        # First: there may be no newer driver for so old a GPU.
        said = "; ".join(dict.fromkeys(f"{gpu.name} has compute capability {gpu.capability}" for gpu in nvidia.gpus))
        oldest = min(number for number, _, _ in _codes(row))
        return Fit(f"{said}, and {row.name} begins with {oldest // 10}.{oldest % 10}")
    if numbers(nvidia.driver) < numbers(drivers["sass"]):
        reason = f"NVIDIA's driver {nvidia.driver} is too old: {row.name} runs with {drivers['sass']} or newer"
        return Fit(reason, remedy=_update(row, drivers["sass"]))
    if "real" not in kinds and numbers(nvidia.driver) < numbers(drivers["ptx"]):
        said = ", ".join(dict.fromkeys(str(gpu.capability) for gpu in nvidia.gpus))
        reason = f"{row.name} has no code for compute capability {said}, and driver {nvidia.driver} cannot make it"
        return Fit(reason, remedy=_update(row, drivers["ptx"]))
    return None


def _with_code(row: Row, machine: Machine) -> Fit:
    driver, drivers = machine.nvidia.driver, _drivers(row)
    is_own = numbers(driver) >= numbers(drivers["ptx"])
    kinds = {gpu: _code_for(row, gpu.capability) for gpu in machine.nvidia.gpus}
    if not is_own:
        kinds = {gpu: "" if kind == "virtual" else kind for gpu, kind in kinds.items()}
    reasons = [_gpu_reason(row, gpu.name, gpu.capability, kind) for gpu, kind in kinds.items()]
    if is_own:
        reasons.append(f"driver {driver} is CUDA {row.release}'s own ({drivers['ptx']}) or newer")
    else:
        own = f"older than CUDA {row.release}'s own ({drivers['ptx']})"
        reasons.append(f"driver {driver} is {own}, but new enough ({drivers['sass']})")
    made = [gpu for gpu, kind in kinds.items() if kind == "virtual"]
    drawback = "" if is_own else f"driver {driver} is older than its own ({drivers['ptx']})"
    if made:
        drawback = f"it has no code of its own for compute capability {made[0].capability}"
    # Those whose own driver is here come first, the newest before the others; then the one nearest to the driver.
    release = [-number if is_own else number for number in numbers(row.release or "0")]
    rank = (list(kinds.values()).count(""), len(made), *release)
    return Fit("; ".join(reasons), rank=rank, drawback=drawback)


def _drivers(row: Row) -> Mapping[str, str]:
    assert row.min_driver
    return row.min_driver


def _update(row: Row, driver: str) -> str:
    return f"install NVIDIA's driver {driver} or newer, then take {row.name}"


def _codes(row: Row) -> list[tuple[int, bool, bool]]:
    """Return what a CUDA build has code for: the number, whether it is for that one GPU alone, whether it is PTX."""
    parts = (name.split("-") for name in row.architectures)
    return [(int(number.rstrip("a")), number.endswith("a"), kind == "virtual") for number, kind in parts]


def _code_for(row: Row, capability: str | None) -> str:
    """Return whether a CUDA build has code for a GPU ("real"), or what it is made from ("virtual"); else empty."""
    if capability is None:
        # Nobody says: most likely one of those that there is code for.
        return "real"
    major, minor = numbers(capability)
    wanted = 10 * major + minor
    kinds = set()
    for number, is_only, is_virtual in _codes(row):
        if is_virtual and number <= wanted:
            kinds.add("virtual")
        if not is_virtual and (number == wanted if is_only else number // 10 == major and number <= wanted):
            kinds.add("real")
    return min(kinds, default="")


def _gpu_reason(row: Row, name: str, capability: str | None, kind: str) -> str:
    if capability is None:
        return f"{name}: its compute capability is not known"
    said = {
        "real": f"{row.name} has code for it",
        "virtual": f"{row.name} has none of its own for it, and makes it at the first start",
        "": f"{row.name} cannot use it",
    }
    return f"{name} has compute capability {capability}: {said[kind]}"
