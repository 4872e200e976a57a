"""Vulkan's loader, its drivers and devices, and the render nodes that they need."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path

from .files import Files
from .source import Source

# Where Vulkan's loader looks for drivers, beside $XDG_DATA_DIRS and the user's own folder.
_DRIVER_FOLDERS = ("/etc", "/etc/xdg", "/usr/local/etc", "/usr/local/share", "/usr/share")
_SOFTWARE_DEVICES = ("llvmpipe", "SwiftShader")
_VENDORS = {"0x1002": "AMD", "0x8086": "Intel", "0x10de": "NVIDIA"}


@dataclass(frozen=True)
class VulkanDevice:
    """A device of Vulkan's.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        "discrete", "integrated", "virtual", "cpu" or "other".
    version : str
        The version of Vulkan that it has.
    has_16_bit : bool
        Whether it keeps 16-bit numbers in buffers (storageBuffer16BitAccess): llama.cpp takes no other.
    """

    name: str
    kind: str
    version: str
    has_16_bit: bool

    @property
    def is_software(self) -> bool:
        """Whether it computes on the CPU."""
        return self.kind == "cpu" or is_software(self.name)


@dataclass(frozen=True)
class Vulkan:
    """What there is of Vulkan.

    Parameters
    ----------
    devices : tuple of VulkanDevice
        What the loader lists.
    drivers : tuple of str
        The files that name its drivers, as "intel_icd.x86_64.json".
    render_nodes : tuple of str
        Whose GPU each node in /dev/dri is: "AMD", "Intel", "NVIDIA" or "other".
    notes : tuple of str
        What could not be found out, and why.
    """

    devices: tuple[VulkanDevice, ...] = ()
    drivers: tuple[str, ...] = ()
    render_nodes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_vulkan(source: Source) -> Vulkan:
    """Find Vulkan's drivers in files, and the devices through its loader."""
    drivers = tuple(path.name for path in find_manifests(source))
    vendors = [source.read(f"/sys/class/drm/{node.name}/device/vendor").strip() for node in _render_nodes(source)]
    # Without a driver there is no device to ask for.
    answer = source.ask_driver("vulkan_devices", "Vulkan's loader") if drivers else None
    is_known = bool(answer and not answer.failure)
    return Vulkan(
        devices=tuple(VulkanDevice(*device) for device in json.loads(answer.output)) if answer and is_known else (),
        drivers=drivers,
        render_nodes=tuple(_VENDORS.get(vendor, "other") for vendor in vendors),
        notes=(answer.failure,) if answer and not is_known else (),
    )


def is_software(name: str) -> bool:
    """Tell whether a device computes on the CPU, by its name."""
    return name.startswith(_SOFTWARE_DEVICES)


def find_manifests(files: Files) -> list[Path]:
    """Return the files that name Vulkan's drivers, where its loader looks for them."""
    environment = files.environment
    named = environment.get("VK_DRIVER_FILES") or environment.get("VK_ICD_FILENAMES")
    if named:
        files_and_folders = [glob.escape(name) for name in named.split(":") if name]
        found = files.find(*files_and_folders, *(f"{name}/*.json" for name in files_and_folders))
        return [path for path in found if path.is_file()]
    folders = [*_DRIVER_FOLDERS, *filter(None, environment.get("XDG_DATA_DIRS", "").split(":"))]
    home = environment.get("HOME")
    if home:
        folders += [f"{home}/.config", f"{home}/.local/share"]
    added = [glob.escape(name) for name in environment.get("VK_ADD_DRIVER_FILES", "").split(":") if name]
    patterns = {f"{glob.escape(folder.rstrip('/'))}/vulkan/icd.d/*.json" for folder in folders}
    return files.find(*sorted(patterns), *added)


def _render_nodes(files: Files) -> list[Path]:
    return files.find("/dev/dri/renderD*")
