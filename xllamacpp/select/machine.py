"""What is known of a machine, and how it is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from .amd import Amd, read_amd
from .cpu import Cpu, read_cpu
from .files import ContainerKind
from .nodes import ClosedNode
from .nvidia import Nvidia, read_nvidia
from .source import Interpreter, Source
from .system import (
    is_tegra,
    is_wsl,
    read_closed_nodes,
    read_groups,
    read_libraries,
    read_pci_gpus,
    read_release,
    read_unlinked,
)
from .vulkan import Vulkan, read_vulkan

_Fact = TypeVar("_Fact")


@dataclass(frozen=True)
class Machine:
    """The facts of a machine that a build is chosen by.

    Parameters
    ----------
    interpreter : Interpreter
        The system, the architecture, the C library, and the Python.
    release : str
        What the system calls itself.
    cpu : Cpu
        The processor.
    nvidia : Nvidia
        NVIDIA's driver and GPUs.
    amd : Amd
        AMD's GPUs and ROCm.
    vulkan : Vulkan
        Vulkan's devices.
    pci_gpus : tuple of str
        The GPUs on the PCI bus, as "10de:2504".
    libraries : frozenset of str or None
        What the dynamic linker finds; None where it does not say.
    unlinked : mapping of str to str
        The folder of each of ROCm's libraries, where the dynamic linker may not look.
    closed_nodes : tuple of ClosedNode
        The device nodes of the kernel's own drivers that this process may not open.
    groups : mapping of str to int
        The numbers of the system's groups.
    container : str or None
        What runs the container that this is in: "docker", "podman", "kubernetes" or "apptainer".
    is_wsl : bool
        Whether this is Linux inside Windows.
    is_tegra : bool
        Whether this is one of NVIDIA's Jetson boards.
    notes : tuple of str
        What could not be found out, and why.
    """

    interpreter: Interpreter
    release: str = ""
    cpu: Cpu = field(default_factory=Cpu)
    nvidia: Nvidia = field(default_factory=Nvidia)
    amd: Amd = field(default_factory=Amd)
    vulkan: Vulkan = field(default_factory=Vulkan)
    pci_gpus: tuple[str, ...] = ()
    libraries: frozenset[str] | None = None
    unlinked: Mapping[str, str] = field(default_factory=dict)
    closed_nodes: tuple[ClosedNode, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)
    container: ContainerKind | None = None
    is_wsl: bool = False
    is_tegra: bool = False
    notes: tuple[str, ...] = ()


def read_machine(source: Source | None = None) -> Machine:
    """Find out what a build is chosen by.

    Nothing that is missing, fails or hangs on the machine is an error: it is one of the facts.

    Parameters
    ----------
    source : Source, optional
        Where to look. Default: this machine.
    """
    source = source or Source()
    notes: list[str] = []

    def read(what: str, reader: Callable[[Source], _Fact], otherwise: _Fact) -> _Fact:
        try:
            return reader(source)
        except Exception as error:
            notes.append(f"{what} cannot be looked at ({type(error).__name__}: {error})")
            return otherwise

    nvidia = read("NVIDIA's driver", read_nvidia, Nvidia())
    vulkan = read("Vulkan", read_vulkan, Vulkan())
    return Machine(
        interpreter=source.interpreter,
        release=read("the system's name", read_release, ""),
        cpu=read("the CPU", read_cpu, Cpu()),
        nvidia=nvidia,
        amd=read("AMD's driver", read_amd, Amd()),
        vulkan=vulkan,
        pci_gpus=read("the PCI bus", read_pci_gpus, ()),
        libraries=read("the libraries", read_libraries, None),
        unlinked=read("ROCm's libraries", read_unlinked, {}),
        closed_nodes=read("the device nodes", read_closed_nodes, ()),
        groups=read("the groups", read_groups, {}),
        container=source.container,
        is_wsl=read("the kernel", is_wsl, False),
        is_tegra=read("the board", is_tegra, False),
        notes=(*nvidia.notes, *vulkan.notes, *notes),
    )
