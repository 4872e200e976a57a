"""What a diagnosis asks of this machine, and how its user gives a GPU to a program here."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.select.container_gpus import give_nodes, give_nvidia
from xllamacpp.select.files import Files
from xllamacpp.select.finding import Finding
from xllamacpp.select.nodes import closed_nodes, explain_closed, open_and_close
from xllamacpp.select.nvidia_faults import UPDATE_IN_WINDOWS
from xllamacpp.select.system import is_wsl, read_pci_gpus

__all__ = ["Finding", "Machine", "Module", "ask_capability", "ask_runtime"]

# cudaDeviceAttr's.
_CAPABILITY_MAJOR = 75
_CAPABILITY_MINOR = 76


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
        :func:`open_and_close`.
    ask, capability : callable, optional
        :func:`ask_runtime` and :func:`ask_capability`.
    """

    open_node: Callable[[Path], None] = open_and_close
    ask: Callable[[Path, str], tuple[int, str]] = ask_runtime
    capability: Callable[[Path, int], int] = ask_capability

    @property
    def is_wsl(self) -> bool:
        """Whether this is Linux inside Windows."""
        return is_wsl(self)

    @property
    def nvidia_gpus(self) -> str:
        """What NVIDIA has on the PCI bus; empty where that is nothing."""
        return ", ".join(gpu for gpu in read_pci_gpus(self) if gpu.startswith("10de:"))

    def find_closed(self, nodes: list[Path], devices: str) -> list[Finding]:
        """Tell which device nodes this process may not open.

        Parameters
        ----------
        nodes : list of Path
            The nodes, which are there.
        devices : str
            What to say where the container forbids them: what to pass to it.
        """
        return explain_closed(closed_nodes(nodes, self.root, self.open_node), self.container, devices)

    def give_nvidia(self) -> str:
        """Say how an NVIDIA GPU gets here."""
        if self.container:
            return give_nvidia(self.container)
        if self.is_wsl:
            return UPDATE_IN_WINDOWS
        return "install NVIDIA's driver; when it works, nvidia-smi lists the GPU"

    def give_nodes(self, *nodes: str) -> str:
        """Say how device nodes of the kernel's own drivers get here."""
        if self.container:
            return give_nodes(self.container, nodes)
        if self.is_wsl:
            return (
                "WSL gives Linux no device nodes of AMD's and Intel's GPUs: take the CPU's build, or Linux without WSL"
            )
        return "the kernel's driver for the GPU (amdgpu, i915, xe) is not loaded: see lspci -k and dmesg"
