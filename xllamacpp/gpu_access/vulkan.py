"""What keeps Vulkan from a GPU."""

from __future__ import annotations

from xllamacpp.gpu_access.machine import Finding, Machine, Module
from xllamacpp.select.vulkan import find_manifests, is_software

__all__ = ["find_obstacles", "is_software"]

_RENDER_NODES = "/dev/dri/renderD*"
_GRAPHICS = "NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics"
_SOFTWARE_DRIVERS = ("lvp_icd", "swiftshader")


def find_obstacles(machine: Machine, module: Module) -> list[Finding]:
    """Tell why the Vulkan module has no device.

    Parameters
    ----------
    machine : Machine
        Where to look.
    module : Module
        The Vulkan module.

    Returns
    -------
    list of Finding
        Empty where everything that can be looked at is in order.
    """
    findings = []
    if library := module.missing_library:
        remedy = "take the image, which has it; or install it (Debian, Ubuntu: libvulkan1)"
        findings.append(Finding(f"{library}, Vulkan's loader, is missing", remedy))
    nodes = machine.find(_RENDER_NODES)
    has_nvidia = bool(machine.find("/dev/nvidiactl"))
    if not nodes and not has_nvidia and not machine.find("/dev/dxg"):
        findings.append(Finding("there is no GPU here (no render node in /dev/dri)", _give_gpu(machine)))
    findings += machine.find_closed(nodes, machine.give_nodes("/dev/dri"))
    findings += _find_driver_obstacles(machine, has_nvidia)
    if not findings and "GGML_VK_VISIBLE_DEVICES" in machine.environment:
        value = machine.environment["GGML_VK_VISIBLE_DEVICES"]
        problem = f"GGML_VK_VISIBLE_DEVICES is '{value}', which names no GPU that is here"
        findings.append(Finding(problem, "leave that variable out; vulkaninfo --summary lists the devices"))
    return findings


def _give_gpu(machine: Machine) -> str:
    if machine.container is None:
        return machine.give_nodes("/dev/dri")
    return (
        f"for AMD and Intel, {machine.give_nodes('/dev/dri')}; for NVIDIA, set {_GRAPHICS} and {machine.give_nvidia()}"
    )


def _find_driver_obstacles(machine: Machine, has_nvidia: bool) -> list[Finding]:
    names = [path.name for path in find_manifests(machine)]
    hardware = [name for name in names if not any(word in name for word in _SOFTWARE_DRIVERS)]
    if has_nvidia and not any("nvidia" in name for name in hardware):
        if machine.container:
            remedy = f"set {_GRAPHICS}, which brings it into the container"
        else:
            remedy = "install it (Debian: nvidia-vulkan-icd)"
        return [Finding("NVIDIA's Vulkan driver is not here (no nvidia_icd.json)", remedy)]
    if hardware:
        return []
    if "VK_DRIVER_FILES" in machine.environment or "VK_ICD_FILENAMES" in machine.environment:
        remedy = "leave VK_DRIVER_FILES and VK_ICD_FILENAMES out, or name the GPU's driver there"
    else:
        remedy = "install the GPU's (Debian, Ubuntu: mesa-vulkan-drivers for AMD and Intel)"
    if names:
        return [Finding(f"the only Vulkan driver here computes on the CPU ({', '.join(names)})", remedy)]
    return [Finding("there is no Vulkan driver here (no file in /usr/share/vulkan/icd.d)", remedy)]
