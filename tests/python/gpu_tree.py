"""Machines made up for a diagnosis: a file system, an environment and a driver."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from xllamacpp import ggml_backend_dev_type
from xllamacpp.gpu_access import GpuAccess, Machine, diagnose

GPU = ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_GPU
IGPU = ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_IGPU
CPU = ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU

# Files, from the root on.
DOCKER = ".dockerenv"
HOST = "etc/hostname"
NVIDIA = ("dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia0")
AMD = ("dev/kfd", "dev/dri/renderD128")
RADV = "usr/share/vulkan/icd.d/radeon_icd.x86_64.json"
LAVAPIPE = "usr/share/vulkan/icd.d/lvp_icd.x86_64.json"


def device(name: str, type: ggml_backend_dev_type, description: str = "a product", address: str = "") -> dict[str, Any]:
    """Make a device as ``get_device_info`` gives it."""
    return {"name": name, "type": type, "description": description, "device_id": address}


def only(findings: Any) -> Any:
    """Return the one that there is."""
    (finding,) = findings
    return finding


class Tree:
    """A machine made up.

    Parameters
    ----------
    root : Path
        An empty folder, for the file system.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {}
        self.refused: dict[str, int] = {}
        self.answer = (0, "no error")
        self.capability = 860
        self.system_info = ""
        self.extra_command = ""

    def add(self, *names: str, text: str = "") -> None:
        """Put files there, with the same text."""
        for name in names:
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def find(self, backend: str, missing: str = "") -> list[tuple[str, str]]:
        """Return the problems and remedies of a build whose module lacks a library, or is loaded and has no device."""
        return [(finding.problem, finding.remedy) for finding in self.diagnose(backend, missing).findings]

    def diagnose(
        self, backend: str, missing: str = "", devices: list[dict[str, Any]] | None = None, reason: str = ""
    ) -> GpuAccess:
        """Diagnose a build with one GPU module."""
        module = {
            "name": backend,
            "path": str(self.root / f"libggml-{backend}.so"),
            "loaded": not (missing or reason),
            "reason": reason or f"{missing}: cannot open shared object file: No such file or directory",
        }
        machine = Machine(
            root=self.root,
            environment=self.environment,
            open_node=self._open,
            ask=lambda module, prefix: self.answer,
            capability=lambda module, index: self.capability,
        )
        return diagnose(machine, [module], devices or [device("CPU", CPU)], self.system_info, self.extra_command)

    def _open(self, node: Path) -> None:
        if number := self.refused.get(str(node.relative_to(self.root))):
            raise OSError(number, os.strerror(number))
