"""What keeps ROCm from an AMD GPU."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from xllamacpp.gpu_access.machine import Finding, Machine, Module
from xllamacpp.select.amd import gfx_target, read_nodes
from xllamacpp.select.linker import link_folder
from xllamacpp.select.system import read_unlinked

_NODES = ("/dev/kfd", "/dev/dri")
_RENDER_NODES = "/dev/dri/renderD*"
# Each of them narrows down what the ones before it leave.
_FILTERS = ("ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
_ALIKE_FROM = 0x103
_TARGET = re.compile(rb"amdgcn-amd-amdhsa--(gfx[0-9a-z-]+)")


def find_obstacles(machine: Machine, module: Module) -> list[Finding]:
    """Tell why the HIP module has no device.

    Parameters
    ----------
    machine : Machine
        Where to look.
    module : Module
        The HIP module.

    Returns
    -------
    list of Finding
        Empty where everything that can be looked at is in order.
    """
    findings = []
    if library := module.missing_library:
        findings.append(_miss_library(machine, library))
    findings += _find_device_obstacles(machine)
    if findings or not module.is_loaded:
        return findings
    code, text = machine.ask(module.path, "hip")
    if code == 0:
        return []
    if narrowed := [name for name in _FILTERS if name in machine.environment]:
        values = ", ".join(f"{name} is '{machine.environment[name]}'" for name in narrowed)
        return [Finding(f"ROCm has no device ({text}), and {values}", "leave out what names no GPU that is here")]
    return [Finding(f"ROCm has no device ({text}, error {code})", "see what rocminfo and, on the host, dmesg say")]


def _miss_library(machine: Machine, library: str) -> Finding:
    folder = read_unlinked(machine).get(library)
    if folder:
        return Finding(f"{library} is in {folder}, where the dynamic linker does not look", link_folder(folder))
    return Finding(
        f"{library}, a part of ROCm, is missing",
        "take the image, which has it; or install the ROCm that this build was made with, where the dynamic "
        "linker finds it (LD_LIBRARY_PATH)",
    )


def _find_device_obstacles(machine: Machine) -> list[Finding]:
    missing = [
        name for name, nodes in (("/dev/kfd", "/dev/kfd"), ("/dev/dri", _RENDER_NODES)) if not machine.find(nodes)
    ]
    findings = []
    if missing:
        findings.append(
            Finding(
                f"there is no AMD GPU here: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
                machine.give_nodes(*_NODES),
            )
        )
    return findings + machine.find_closed(machine.find("/dev/kfd", _RENDER_NODES), machine.give_nodes(*_NODES))


def find_unsupported(machine: Machine, module: Module, devices: dict[str, str]) -> dict[str, Finding]:
    """Tell which devices the module has no code for: llama.cpp would abort at the first kernel.

    Parameters
    ----------
    machine : Machine
        Where to look.
    module : Module
        The HIP module.
    devices : dict of str to str
        The PCI address of each device, by its name.

    Returns
    -------
    dict of str to Finding
        By the device's name.
    """
    targets = _code_targets(module.path)
    # The user has said what to take the GPU for; code for a whole family needs no look at its members.
    if not targets or "generic" in "".join(targets) or "HSA_OVERRIDE_GFX_VERSION" in machine.environment:
        return {}
    architectures = _architectures(machine)
    unsupported = {}
    for name, address in devices.items():
        architecture = architectures.get(address.lower())
        if architecture is not None and architecture not in targets:
            unsupported[name] = Finding(
                f"{name} is a {architecture}, which this build has no code for (it has {', '.join(sorted(targets))})",
                _override(architecture, targets),
            )
    return unsupported


def _code_targets(path: Path) -> set[str]:
    """Return what a HIP library has code for, by the names in its offload bundle; empty where that is compressed."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return {match[1].decode() for match in _TARGET.finditer(data)}
    except (OSError, ValueError):
        return set()


def _architectures(machine: Machine) -> dict[str, str]:
    """Return the architecture of each GPU, such as gfx1030, by its PCI address."""
    found = {}
    for node in read_nodes(machine):
        if target := gfx_target(node):
            location = node.get("location_id", 0)
            bus, device, function = location >> 8 & 0xFF, location >> 3 & 0x1F, location & 7
            found[f"{node.get('domain', 0):04x}:{bus:02x}:{device:02x}.{function}"] = target
    return found


def _override(architecture: str, targets: set[str]) -> str:
    family = architecture[:-1]
    # The members of a family of RDNA 2 (gfx103x) and later are alike enough to try; those before it are not.
    alike = sorted(target for target in targets if target[:-1] == family and int(family[3:], 16) >= _ALIKE_FROM)
    if not alike:
        return "take a build that has, or the one for Vulkan"
    nearest = alike[0]
    version = f"{int(family[3:-1])}.{int(nearest[-2], 16)}.{int(nearest[-1], 16)}"
    return f"HSA_OVERRIDE_GFX_VERSION={version} uses the code for {nearest}, which often works; or take Vulkan's build"
