"""NVIDIA's driver and GPUs, and what gives them to containers."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass

from .nvidia_faults import FAULTS, INSTALLED, is_mismatch
from .source import Source

# WSL's is where not every shell looks.
_PROGRAMS = ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi")
_QUERY = ("--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")
# WSL has one node for the GPUs of all vendors.
_NODES = ("/dev/nvidiactl", "/dev/nvidia[0-9]*", "/dev/dxg")
# Docker looks for the first, and newer ones for the second before it, which lists of devices (CDI) name:
# https://github.com/moby/moby/pull/50228.
_TOOLKIT = ("nvidia-container-runtime-hook", "nvidia-cdi-hook")
_PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/run/current-system/sw/bin")
_HANGS = "did not answer"
_NO_LIBRARY = "cannot be loaded"


@dataclass(frozen=True)
class NvidiaGpu:
    """A GPU: its name, and its compute capability as "8.6", or None where nobody says."""

    name: str
    capability: str | None


@dataclass(frozen=True)
class Nvidia:
    """What there is of NVIDIA's.

    Parameters
    ----------
    driver : str
        The driver's version, as "550.54.15"; empty where there is none.
    cuda : str
        The CUDA version of the driver, as "12.4"; empty where it is not known.
    gpus : tuple of NvidiaGpu
        The GPUs that the driver knows.
    has_nodes : bool
        Whether their device nodes are here: a container may have been started without.
    has_container_toolkit : bool or None
        Whether its Container Toolkit is installed, which Docker's ``--gpus`` takes; None in a container, where the host
        cannot be seen.
    fault : str
        What is wrong with the driver, as ``nvidia_faults.py`` has it; empty where that is not known, or nothing is.
    notes : tuple of str
        What could not be found out, and why.
    """

    driver: str = ""
    cuda: str = ""
    gpus: tuple[NvidiaGpu, ...] = ()
    has_nodes: bool = False
    has_container_toolkit: bool | None = None
    fault: str = ""
    notes: tuple[str, ...] = ()


def read_nvidia(source: Source) -> Nvidia:
    """Find NVIDIA's driver and GPUs: in /proc, by nvidia-smi, and by the driver's own library where that fails."""
    found = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", source.read("/proc/driver/nvidia/version"))
    driver = found[0] if found else ""
    has_nodes = bool(source.find(*_NODES))
    answers = (source.run([program, *_QUERY]) for program in _PROGRAMS)
    answer = next((answer for answer in answers if not answer.is_missing), None)
    gpus: tuple[NvidiaGpu, ...] = ()
    notes: list[str] = []
    if answer and not answer.failure:
        rows = [row for row in csv.reader(answer.output.splitlines(), skipinitialspace=True) if len(row) == 3]
        gpus = tuple(_gpu(name, capability) for name, capability, _ in rows)
        driver = driver or (rows[0][2] if rows else "")
    elif answer:
        notes.append(answer.failure)
    fault = ""
    # What hangs once would hang again; who has no driver has no GPU to ask for.
    if not gpus and (driver or has_nodes) and not (answer and _HANGS in answer.failure):
        gpus, note = _ask_library(source)
        # That an old nvidia-smi does not know the question explains nothing then.
        notes = [] if gpus else [*notes, note]
        fault = "" if gpus else _fault(" ".join(notes))
        # A fault says it all; and without the driver's library, nodes may be of another vendor's GPU.
        notes = [] if fault in FAULTS.values() else [each for each in notes if _NO_LIBRARY not in each]
    elif not gpus and not driver and (answer or source.find(*INSTALLED)):
        fault = "not loaded"
    cuda = source.cuda_version() if driver else 0
    return Nvidia(
        driver=driver,
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
        gpus=gpus or _named(source),
        has_nodes=has_nodes,
        has_container_toolkit=_find_container_toolkit(source),
        fault=fault,
        notes=tuple(filter(None, notes)),
    )


def _find_container_toolkit(source: Source) -> bool | None:
    if source.container:
        return None
    return bool(source.find(*(f"{folder}/{program}" for folder in _PROGRAM_FOLDERS for program in _TOOLKIT)))


def _ask_library(source: Source) -> tuple[tuple[NvidiaGpu, ...], str]:
    answer = source.ask_driver("cuda_devices", "NVIDIA's driver")
    if answer.failure:
        return (), answer.failure
    return tuple(_gpu(name, capability) for name, capability in json.loads(answer.output)), ""


def _fault(said: str) -> str:
    error = re.search(r"failed with error (\d+)", said)
    fault = FAULTS.get(int(error[1]), "") if error else ""
    if is_mismatch(said):
        return "mismatch"
    return fault or ("no library" if _NO_LIBRARY in said else "")


def _gpu(name: str, capability: str) -> NvidiaGpu:
    # nvidia-smi says [N/A] for what a GPU does not tell.
    return NvidiaGpu(name, capability if re.match(r"\d+\.\d+$", capability) else None)


def _named(source: Source) -> tuple[NvidiaGpu, ...]:
    """Return the GPUs that the kernel module is bound to: it tells their names alone."""
    texts = (
        source.read(path.relative_to(source.root)) for path in source.find("/proc/driver/nvidia/gpus/*/information")
    )
    models = (re.search(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE) for text in texts)
    return tuple(NvidiaGpu(model[1], None) for model in models if model)
