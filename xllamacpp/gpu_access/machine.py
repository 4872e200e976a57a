"""What a diagnosis asks of this machine, and how its user gives a GPU to a program here."""

from __future__ import annotations

import ctypes
import errno
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.select.files import Files

# The group that a user namespace shows for one that it has no number for.
_UNMAPPED_GROUP = 65534

# cudaDeviceAttr's.
_CAPABILITY_MAJOR = 75
_CAPABILITY_MINOR = 76


@dataclass(frozen=True)
class Finding:
    """Something that is in a GPU's way.

    Parameters
    ----------
    problem : str
        What is missing or wrong.
    remedy : str
        What to do: the flag to start the container with, or what to install.
    """

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}"


@dataclass(frozen=True)
class Module:
    """A GPU module of this build.

    Parameters
    ----------
    name : str
        "cuda", "hip" or "vulkan".
    path : Path
        The library.
    is_loaded : bool
        Whether it could be loaded. It may have found no device all the same.
    reason : str
        Why, or why not, in the dynamic linker's words.
    capabilities : tuple of int, optional
        What a CUDA module has code for: 860 for compute capability 8.6.
    extra_command : str, optional
        What installs the libraries that it is linked to; empty where this build's wheel has no extra for that.
    """

    name: str
    path: Path
    is_loaded: bool
    reason: str
    capabilities: tuple[int, ...] = ()
    extra_command: str = ""

    @property
    def missing_library(self) -> str:
        """The shared library that it could not be loaded without, such as ``libcuda.so.1``; else empty."""
        library, is_missing, _ = self.reason.partition(": cannot open shared object file")
        return library if is_missing and library != str(self.path) else ""


def _open_and_close(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))


def _yaml(words: Iterable[str]) -> str:
    return json.dumps(list(words))


def ask_runtime(module: Path, prefix: str) -> tuple[int, str]:
    """Ask CUDA, or HIP, which speaks alike, why it has no device.

    Parameters
    ----------
    module : Path
        The loaded module; the runtime is among the libraries that it is linked to.
    prefix : str
        "cuda" or "hip".

    Returns
    -------
    tuple of int and str
        The error's number, 0 for none, and the runtime's words for it.
    """
    library = ctypes.CDLL(str(module))
    text = library[f"{prefix}GetErrorString"]
    text.restype = ctypes.c_char_p
    code = library[f"{prefix}GetDeviceCount"](ctypes.byref(ctypes.c_int()))
    return code, text(code).decode("utf-8", "replace")


def ask_capability(module: Path, index: int) -> int:
    """Ask CUDA for the compute capability of a device.

    Parameters
    ----------
    module : Path
        The loaded module.
    index : int
        The device's number.

    Returns
    -------
    int
        The capability as CUDA's compiler has it: 860 for 8.6.
    """
    library = ctypes.CDLL(str(module))
    value = ctypes.c_int()
    capability = 0
    for attribute, weight in ((_CAPABILITY_MAJOR, 100), (_CAPABILITY_MINOR, 10)):
        if code := library.cudaDeviceGetAttribute(ctypes.byref(value), attribute, index):
            raise OSError(f"cudaDeviceGetAttribute failed with error {code}")
        capability += value.value * weight
    return capability


@dataclass(frozen=True)
class Machine(Files):
    """The machine that a diagnosis looks at: its files, its environment, its drivers.

    Parameters
    ----------
    root, environment : optional
        As :class:`Files` takes them.
    open_node : callable, optional
        Opens a device node for reading and writing, or raises OSError. Neither its mode nor its group tells: a
        container may forbid a device whose node it shows.
    ask, capability : callable, optional
        :func:`ask_runtime` and :func:`ask_capability`.
    """

    open_node: Callable[[Path], None] = _open_and_close
    ask: Callable[[Path, str], tuple[int, str]] = ask_runtime
    capability: Callable[[Path, int], int] = ask_capability

    def find_closed(self, nodes: list[Path], devices: str) -> list[Finding]:
        """Tell which device nodes this process may not open.

        Parameters
        ----------
        nodes : list of Path
            The nodes, which are there.
        devices : str
            What to say where the container forbids them: what to pass to it.
        """
        groups: dict[int, list[str]] = {}
        findings = []
        for node in nodes:
            name = f"/{node.relative_to(self.root)}"
            try:
                self.open_node(node)
            except OSError as error:
                if error.errno == errno.EACCES:
                    groups.setdefault(node.stat().st_gid, []).append(name)
                elif error.errno == errno.EPERM and self.container:
                    findings.append(Finding(f"{name} is there, but the container may not use it", devices))
                else:
                    remedy = "see what the kernel says of it (dmesg, on the host)"
                    findings.append(Finding(f"{name} cannot be opened: {os.strerror(error.errno or 0)}", remedy))
        if groups:
            names = ", ".join(name for names in groups.values() for name in names)
            findings.append(Finding(f"this user (uid {os.geteuid()}) may not open {names}", self._join(sorted(groups))))
        return findings

    def _join(self, groups: list[int]) -> str:
        numbers = ", ".join(map(str, groups))
        if self.container and _UNMAPPED_GROUP in groups:
            return "their group has no number in here: with podman, start the container with --group-add keep-groups"
        match self.container:
            case "kubernetes":
                return f"add the group to the pod: securityContext.supplementalGroups: [{numbers}]"
            case "docker" | "podman":
                flags = " ".join(f"--group-add {number}" for number in groups)
                return f"start the container with {flags} (Compose: group_add: {_yaml(map(str, groups))})"
            case None:
                return (
                    f"add the user to the group that owns them (number {numbers}; sudo usermod -aG), and log in again"
                )

    def give_nvidia(self) -> str:
        """Say how an NVIDIA GPU gets here."""
        match self.container:
            case "kubernetes":
                return "ask for it in the pod's resources.limits (nvidia.com/gpu: 1); the node needs NVIDIA's plugin"
            case "podman":
                return "start the container with --device nvidia.com/gpu=all; the host needs NVIDIA's Container Toolkit"
            case "docker":
                return (
                    "start the container with --gpus all (Compose: deploy.resources.reservations.devices: "
                    "[{driver: nvidia, count: all, capabilities: [gpu]}]); the host needs NVIDIA's driver and its "
                    "Container Toolkit"
                )
            case None:
                return "install NVIDIA's driver; when it works, nvidia-smi lists the GPU"

    def give_nodes(self, *nodes: str) -> str:
        """Say how device nodes of the kernel's own drivers get here."""
        match self.container:
            case "kubernetes":
                return "ask for it in the pod's resources.limits (amd.com/gpu: 1); the node needs the vendor's plugin"
            case "docker" | "podman":
                flags = " ".join(f"--device {node}" for node in nodes)
                return f"start the container with {flags} (Compose: devices: {_yaml(nodes)})"
            case None:
                return "the kernel's driver for the GPU (amdgpu, i915, xe) is not loaded: see lspci -k and dmesg"
