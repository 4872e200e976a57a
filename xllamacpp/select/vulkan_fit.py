"""What the Vulkan build makes of a machine: which devices have a driver, and which an image could have."""

from __future__ import annotations

from .fit import Fit, Way
from .machine import Machine
from .rows import Row, Rows, numbers


def fit_vulkan(row: Row, machine: Machine, rows: Rows, way: Way) -> Fit:
    """Look for a device of Vulkan's that is a GPU; for the image, whose drivers are its own, for a render node."""
    hardware = [device for device in machine.vulkan.devices if not device.is_software]
    usable = [device for device in hardware if numbers(device.version) >= numbers(row.min_vulkan or "0")]
    names = ", ".join(f"{device.name} ({device.version})" for device in usable)
    nodes = [vendor for vendor in machine.vulkan.render_nodes if vendor in ("AMD", "Intel")]
    if way == "docker":
        if nodes:
            vendors = " and ".join(dict.fromkeys(nodes))
            return Fit(f"the GPU of {vendors} in /dev/dri works with the image's own Vulkan driver", rank=(0,))
        if any("NVIDIA" in device.name for device in usable):
            return Fit(f"Vulkan lists {names}", rank=(1,))
    elif usable:
        return Fit(f"Vulkan lists {names}", rank=(0,))
    if way == "docker" and usable:
        return Fit(f"there is no render node in /dev/dri to give a container for {names}")
    if hardware:
        old = ", ".join(f"{device.name} has Vulkan {device.version}" for device in hardware)
        return Fit(
            f"{old}, and {row.min_vulkan} is the oldest", remedy=f"update the GPU's driver, then take {row.name}"
        )
    software = ", ".join(device.name for device in machine.vulkan.devices)
    if software:
        return Fit(f"the only Vulkan device computes on the CPU ({software}), where the CPU's own build is faster")
    if nodes or any(gpu.startswith(("10de:", "1002:", "8086:")) for gpu in machine.pci_gpus):
        remedy = (
            "install Vulkan's loader and the GPU's driver (Debian, Ubuntu: libvulkan1, and mesa-vulkan-drivers for AMD "
            f"and Intel), then take {row.name}"
        )
        # An NVIDIA GPU that its driver does not show has no Vulkan driver either.
        is_driven = machine.nvidia.gpus or nodes or any(gpu.startswith(("1002:", "8086:")) for gpu in machine.pci_gpus)
        return Fit(
            "there is a GPU, and no Vulkan driver shows it",
            remedy=remedy if is_driven and not machine.container else "",
        )
    return Fit("there is no GPU")
