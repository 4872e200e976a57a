"""What a CUDA build makes of a machine: the driver's age, and the GPUs' compute capabilities."""

from __future__ import annotations

from collections.abc import Mapping

from .container_gpus import give_nvidia
from .fit import Fit, Way
from .machine import Machine
from .nvidia_faults import UPDATE_IN_WINDOWS, explain, find_hidden_gpu, last_branch_for, last_branches
from .rows import Row, Rows, numbers


def fit_cuda(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Compare the driver's age and the GPUs' compute capabilities with what a CUDA build has code for.

    Code for a GPU runs on those of the same generation with a newer minor number, and with any driver of the CUDA
    generation. What newer GPUs make their own from takes a driver as new as the toolkit.
    """
    return (
        _without_driver(row, machine, rows)
        or _without_gpu(row, machine, rows)
        or _without_code(row, machine, rows)
        or _with_code(row, machine)
    )


def _without_driver(row: Row, machine: Machine, rows: Rows) -> Fit | None:
    on_bus = _on_bus(machine)
    if machine.nvidia.driver:
        return None
    if machine.is_tegra:
        return Fit(
            f"the GPU of a Jetson takes JetPack's CUDA, and {row.name} is for NVIDIA's other GPUs: build it there with "
            "XLLAMACPP_BUILD_CUDA=1 (README.md, Building)"
        )
    if machine.is_wsl and machine.container and not machine.nvidia.has_nodes:
        reason = "no GPU is in this container (no /dev/dxg)"
        return Fit(reason, remedy=f"where Windows has an NVIDIA GPU, {give_nvidia(machine.container)}")
    if machine.is_wsl:
        return Fit("WSL shows no NVIDIA GPU: where Windows has one, install NVIDIA's driver there, and none in Linux")
    if not on_bus:
        return Fit("there is no NVIDIA GPU")
    if machine.container:
        reason = f"there is an NVIDIA GPU ({on_bus}), and the host has not loaded NVIDIA's driver"
        return Fit(reason, remedy="install NVIDIA's driver on the host, then ask again there")
    if machine.nvidia.fault:
        return _fault(machine)
    reason = f"there is an NVIDIA GPU ({on_bus}), and not NVIDIA's driver"
    remedy = _update(row, machine, rows, _drivers(row)["sass"])
    return Fit(reason, remedy=_join(remedy, last_branches(rows)))


def _without_gpu(row: Row, machine: Machine, rows: Rows) -> Fit | None:
    nvidia, drivers, on_bus = machine.nvidia, _drivers(row), _on_bus(machine)
    if machine.container and not nvidia.has_nodes:
        reason = f"NVIDIA's driver {nvidia.driver} is on the host, and its GPU is not in this container"
        return Fit(reason, remedy=f"{give_nvidia(machine.container)}; or ask outside of it")
    if nvidia.fault:
        return _fault(machine)
    if nvidia.gpus:
        return None
    if on_bus and numbers(nvidia.driver) < numbers(drivers["ptx"]):
        reason = f"NVIDIA's driver {nvidia.driver} does not know the GPU that is here ({on_bus})"
        return Fit(reason, remedy=_update(row, machine, rows, drivers["ptx"]))
    reason = f"NVIDIA's driver {nvidia.driver} shows no GPU"
    newest = max(numbers(_drivers(each)["ptx"]) for each in rows.rows if each.min_driver)
    if not on_bus or numbers(nvidia.driver) < newest:
        return Fit(reason)
    return Fit(f"{reason}, and one is here ({on_bus})", remedy=find_hidden_gpu(nvidia.driver, rows))


def _fault(machine: Machine) -> Fit:
    finding = explain(machine.nvidia.fault, machine.container, in_wsl=machine.is_wsl)
    return Fit(finding.problem, remedy=f"{finding.remedy}; then ask again")


def _on_bus(machine: Machine) -> str:
    return ", ".join(gpu for gpu in machine.pci_gpus if gpu.startswith("10de:"))


def _without_code(row: Row, machine: Machine, rows: Rows) -> Fit | None:
    nvidia, drivers = machine.nvidia, _drivers(row)
    kinds = {_code_for(row, gpu.capability) for gpu in nvidia.gpus}
    if kinds == {""}:
        # First: there may be no newer driver for so old a GPU.
        said = "; ".join(dict.fromkeys(f"{gpu.name} has compute capability {gpu.capability}" for gpu in nvidia.gpus))
        oldest = min(number for number, _, _ in _codes(row))
        return Fit(f"{said}, and {row.name} begins with {oldest // 10}.{oldest % 10}")
    if numbers(nvidia.driver) < numbers(drivers["sass"]):
        reason = f"NVIDIA's driver {nvidia.driver} is too old: {row.name} runs with {drivers['sass']} or newer"
        return Fit(reason, remedy=_update(row, machine, rows, drivers["sass"]))
    if "real" not in kinds and numbers(nvidia.driver) < numbers(drivers["ptx"]):
        said = ", ".join(dict.fromkeys(str(gpu.capability) for gpu in nvidia.gpus))
        reason = f"{row.name} has no code for compute capability {said}, and driver {nvidia.driver} cannot make it"
        return Fit(reason, remedy=_update(row, machine, rows, drivers["ptx"]))
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


def _update(row: Row, machine: Machine, rows: Rows, driver: str) -> str:
    if machine.is_wsl:
        return f"{UPDATE_IN_WINDOWS}; then take {row.name}"
    gpus = ((gpu.name, gpu.capability) for gpu in machine.nvidia.gpus)
    return _join(f"install NVIDIA's driver {driver} or newer, then take {row.name}", last_branch_for(gpus, rows))


def _join(remedy: str, limit: str) -> str:
    return f"{remedy} ({limit})" if limit else remedy


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
