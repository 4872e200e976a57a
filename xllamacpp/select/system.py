"""The system around the GPUs: its name, its groups, its libraries, and what is plugged into its PCI bus."""

from __future__ import annotations

import glob
import re

from .files import Files
from .nodes import KFD, RENDER_NODES, ClosedNode, closed_nodes
from .source import Source

# PCI's classes of display controllers and of processing accelerators.
_GPU_CLASSES = ("0x03", "0x12")
# Microsoft's: what Windows shows of its GPUs to a virtual machine, whoever made them.
_VIRTUAL_VENDOR = "1414"
# What ldconfig says of a library, beside the C library: others are for programs of another kind, as of 32 bits.
_LIBRARY_TAGS = {"x86_64": "x86-64", "aarch64": "AArch64"}


def read_release(files: Files) -> str:
    """Return what the system calls itself, as "Debian GNU/Linux 12 (bookworm)"; empty where it does not say."""
    name = re.search(r'^PRETTY_NAME="?([^"\n]+)', files.read("/etc/os-release"), re.MULTILINE)
    return name[1] if name else ""


def is_wsl(files: Files) -> bool:
    """Tell whether this is Linux inside Windows."""
    return "microsoft" in files.read("/proc/sys/kernel/osrelease").lower()


def read_groups(files: Files) -> dict[str, int]:
    """Return the number of each group of the system."""
    lines = (line.split(":") for line in files.read("/etc/group").splitlines())
    return {line[0]: int(line[2]) for line in lines if len(line) > 2 and line[2].isdigit()}


def read_pci_gpus(files: Files) -> tuple[str, ...]:
    """Return vendor and device of each GPU on the PCI bus, as "10de:2504", whether it has a driver or not."""
    folders = [path.parent.relative_to(files.root) for path in files.find("/sys/bus/pci/devices/*/class")]
    gpus = [folder for folder in folders if files.read(folder / "class").startswith(_GPU_CLASSES)]
    names = (":".join(_number(files.read(gpu / part)) for part in ("vendor", "device")) for gpu in gpus)
    return tuple(name for name in names if not name.startswith(_VIRTUAL_VENDOR))


def is_tegra(files: Files) -> bool:
    """Tell whether this is one of NVIDIA's Jetson boards, whose GPU and driver are of another kind."""
    compatible = files.read("/proc/device-tree/compatible")
    return "nvidia,tegra" in compatible or bool(files.find("/etc/nv_tegra_release"))


def _number(text: str) -> str:
    text = text.strip()
    return text[2:] if text.startswith("0x") else text


def read_libraries(source: Source) -> frozenset[str] | None:
    """Return the names of the libraries that the dynamic linker finds; None where it does not say."""
    answer = source.run(["/sbin/ldconfig", "-p"])
    if answer.failure:
        return None
    tag = _LIBRARY_TAGS.get(source.interpreter.architecture, "")
    lines = (line.split(" (", 1) for line in answer.output.splitlines() if "=>" in line)
    listed = {line[0].strip() for line in lines if len(line) == 2 and tag in line[1].partition("=>")[0]}
    folders = map(glob.escape, filter(None, source.environment.get("LD_LIBRARY_PATH", "").split(":")))
    return frozenset(listed.union(path.name for folder in folders for path in source.find(f"{folder}/*.so*")))


def read_unlinked(files: Files) -> dict[str, str]:
    """Return the folder of each of ROCm's libraries: the dynamic linker may not look there."""
    # The folders with a version come last, the newest of them at the end.
    return {
        path.name: f"/{path.parent.relative_to(files.root).as_posix()}" for path in files.find("/opt/rocm*/lib/*.so.*")
    }


def read_closed_nodes(source: Source) -> tuple[ClosedNode, ...]:
    """Return the device nodes of the kernel's own drivers that this process may not open."""
    return closed_nodes(source.find(KFD, RENDER_NODES), source.root, source.open_node)
