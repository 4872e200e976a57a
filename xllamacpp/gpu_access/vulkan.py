"""What keeps Vulkan from a GPU."""

from __future__ import annotations

from pathlib import Path

from xllamacpp.gpu_access.machine import Finding, Machine, Module

# Where Vulkan's loader looks for drivers, beside $XDG_DATA_DIRS and the user's own folder.
_DRIVER_FOLDERS = ("/etc", "/etc/xdg", "/usr/local/etc", "/usr/local/share", "/usr/share")
_RENDER_NODES = "/dev/dri/renderD*"
_GRAPHICS = "NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics"
_SOFTWARE_DRIVERS = ("lvp_icd", "swiftshader")
_SOFTWARE_DEVICES = ("llvmpipe", "SwiftShader")


def is_software(description: str) -> bool:
    """Tell whether a device computes on the CPU, by its description."""
    return description.startswith(_SOFTWARE_DEVICES)


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
    names = [path.name for path in _manifests(machine)]
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


def _manifests(machine: Machine) -> list[Path]:
    environment = machine.environment
    if named := environment.get("VK_DRIVER_FILES") or environment.get("VK_ICD_FILENAMES"):
        files_and_folders = [name for name in named.split(":") if name]
        found = machine.find(*files_and_folders, *(f"{name}/*.json" for name in files_and_folders))
        return [path for path in found if path.is_file()]
    folders = [*_DRIVER_FOLDERS, *filter(None, environment.get("XDG_DATA_DIRS", "").split(":"))]
    if home := environment.get("HOME"):
        folders += [f"{home}/.config", f"{home}/.local/share"]
    added = [name for name in environment.get("VK_ADD_DRIVER_FILES", "").split(":") if name]
    patterns = {f"{folder.rstrip('/')}/vulkan/icd.d/*.json" for folder in folders}
    return machine.find(*sorted(patterns), *added)
