"""What the Vulkan build makes of a machine: which devices have a driver, and which an image could have."""

from __future__ import annotations

from .access_fit import fit_closed
from .fit import Fit, Way
from .machine import Machine
from .nodes import KFD
from .rows import Row, Rows, numbers
from .vulkan import VulkanDevice

_VENDORS = ("10de:", "1002:", "8086:")


def fit_vulkan(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Look for a device of Vulkan's that is a GPU; for the image, whose drivers are its own, for a render node."""
    if way == "docker":
        return _fit_image(row, machine) or _without_device(row, machine)
    usable = _usable(row, machine)
    return Fit(f"Vulkan lists {_names(usable)}", rank=(0,)) if usable else _without_device(row, machine)


def _fit_image(row: Row, machine: Machine) -> Fit | None:
    usable = _usable(row, machine)
    nodes = _nodes(machine)
    # What another driver says of a GPU it says of the GPU itself.
    is_too_old = not usable and any(not device.has_16_bit for device in _hardware(machine))
    if nodes and not is_too_old:
        vendors = " and ".join(dict.fromkeys(nodes))
        reason = f"the image brings Vulkan drivers that know most GPUs of {vendors}, and /dev/dri has one"
        return Fit(reason, rank=(0,))
    if any("NVIDIA" in device.name for device in usable):
        return Fit(f"Vulkan lists {_names(usable)}", rank=(1,))
    if usable:
        return Fit(f"there is no render node in /dev/dri to give a container for {_names(usable)}")
    return None


def _without_device(row: Row, machine: Machine) -> Fit:
    hardware = _hardware(machine)
    if hardware and not any(device.has_16_bit for device in hardware):
        names = ", ".join(device.name for device in hardware)
        return Fit(f"{names} cannot keep 16-bit numbers in buffers (storageBuffer16BitAccess), as llama.cpp wants it")
    if hardware:
        old = ", ".join(f"{device.name} has Vulkan {device.version}" for device in hardware)
        return Fit(
            f"{old}, and {row.min_vulkan} is the oldest", remedy=f"update the GPU's driver, then take {row.name}"
        )
    nodes = _nodes(machine)
    if nodes or any(gpu.startswith(_VENDORS) for gpu in machine.pci_gpus):
        closed = [node for node in machine.closed_nodes if node.name != KFD]
        return fit_closed(row, machine, closed, ("/dev/dri",)) or _without_driver(row, machine)
    if machine.is_wsl:
        return Fit("WSL shows GPUs to Linux as /dev/dxg alone, and no Vulkan driver for it (Mesa's dzn) lists one")
    software = ", ".join(device.name for device in machine.vulkan.devices)
    if software:
        return Fit(f"the only Vulkan device computes on the CPU ({software}), where the CPU's own build is faster")
    return Fit("there is no GPU")


def _without_driver(row: Row, machine: Machine) -> Fit:
    remedy = (
        "install Vulkan's loader and the GPU's driver (Debian, Ubuntu: libvulkan1, and mesa-vulkan-drivers for AMD "
        f"and Intel), then take {row.name}"
    )
    # An NVIDIA GPU that its driver does not show has no Vulkan driver either.
    is_driven = (
        (machine.nvidia.gpus and not machine.nvidia.fault)
        or _nodes(machine)
        or any(gpu.startswith(_VENDORS[1:]) for gpu in machine.pci_gpus)
    )
    software = ", ".join(device.name for device in machine.vulkan.devices)
    lists = f"Vulkan lists {software} alone, which computes on the CPU" if software else "no Vulkan driver shows it"
    return Fit(f"there is a GPU, and {lists}", remedy=remedy if is_driven and not machine.container else "")


def _hardware(machine: Machine) -> list[VulkanDevice]:
    return [device for device in machine.vulkan.devices if not device.is_software]


def _usable(row: Row, machine: Machine) -> list[VulkanDevice]:
    oldest = numbers(row.min_vulkan or "0")
    return [device for device in _hardware(machine) if device.has_16_bit and numbers(device.version) >= oldest]


def _nodes(machine: Machine) -> list[str]:
    return [vendor for vendor in machine.vulkan.render_nodes if vendor in ("AMD", "Intel")]


def _names(devices: list[VulkanDevice]) -> str:
    return ", ".join(
        f"{device.name} ({device.version}{', inside the CPU' if device.kind == 'integrated' else ''})"
        for device in devices
    )
