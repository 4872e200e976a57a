"""AMD's GPUs, as the kernel's compute driver shows them, and the ROCm that is installed."""

from __future__ import annotations

from dataclasses import dataclass

from .files import Files
from .rows import numbers

_PROPERTIES = "/sys/class/kfd/kfd/topology/nodes/*/properties"


@dataclass(frozen=True)
class Amd:
    """What there is of AMD's.

    Parameters
    ----------
    targets : tuple of str
        LLVM's name of each GPU, as "gfx1100".
    rocm : tuple of str
        The versions of ROCm that are installed, as "6.4.1".
    driver : str
        The version of AMD's own amdgpu module; empty for Linux's, and where there is none.
    has_kfd : bool
        Whether /dev/kfd is here, which ROCm computes through.
    """

    targets: tuple[str, ...] = ()
    rocm: tuple[str, ...] = ()
    driver: str = ""
    has_kfd: bool = False


def read_amd(files: Files) -> Amd:
    """Find AMD's GPUs and ROCm, in files alone."""
    versions = [files.read(path.relative_to(files.root)) for path in files.find("/opt/rocm*/.info/version")]
    # 6.4.1-83: the number of AMD's build comes last.
    rocm = {text.strip().partition("-")[0] for text in versions}
    return Amd(
        targets=tuple(target for node in read_nodes(files) for target in [gfx_target(node)] if target),
        rocm=tuple(sorted(filter(None, rocm), key=numbers)),
        driver=files.read("/sys/module/amdgpu/version").strip(),
        has_kfd=bool(files.find("/dev/kfd")),
    )


def read_nodes(files: Files) -> list[dict[str, int]]:
    """Return the numbers that the kernel's compute driver tells of each of its nodes, CPUs among them."""
    nodes = []
    for path in files.find(_PROPERTIES):
        pairs = (line.split() for line in files.read(path.relative_to(files.root)).splitlines())
        nodes.append({pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()})
    return nodes


def gfx_target(node: dict[str, int]) -> str:
    """Return LLVM's name of a node's GPU, as "gfx90a"; empty for a CPU."""
    version = node.get("gfx_target_version", 0)
    # 90010 is gfx90a: two decimal digits each for the minor version and the stepping.
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else ""
