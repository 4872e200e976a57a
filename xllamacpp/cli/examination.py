"""Runs the probes of ``xllamacpp doctor``: here, or in a process of their own where a driver may hang."""

from __future__ import annotations

import json
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from xllamacpp.cli.probes import Observation
from xllamacpp.errors import Error
from xllamacpp.select.source import run_command

Probe = Callable[[], Iterable[Observation]]

# A machine with many GPUs takes some seconds to begin; a driver that hangs does so for ever.
_PATIENCE_S = 60.0

_PROGRAM = """
import sys
name, *sys.path[:] = sys.argv[1:]
from xllamacpp.cli import examination
examination.answer(name)
"""


def examine(probe: Probe) -> list[Observation]:
    """Return what a probe observes; that it fails is an observation too."""
    observations = []
    try:
        # One by one: what came before a failure counts.
        for observation in probe():
            observations.append(observation)
    except Error as error:
        observations.append(Observation("error", str(error), "problem"))
    except Exception as error:
        text = f"cannot be looked at ({type(error).__name__}: {error})"
        observations.append(Observation("error", text, "warning"))
    return observations


def examine_apart(probe: Probe, patience_s: float = _PATIENCE_S) -> list[Observation]:
    """Do what :func:`examine` does in a process of its own: a driver may hang, or take its process down.

    Parameters
    ----------
    probe : callable
        A function of a module.
    patience_s : float, optional
        How many seconds it may take.
    """
    name = f"{probe.__module__}:{probe.__qualname__}"
    answer = run_command([sys.executable, "-c", _PROGRAM, name, *sys.path], patience_s)
    if answer.failure:
        said = answer.failure.replace(Path(sys.executable).name, "the devices", 1)
        remedy = "a GPU's driver may be at fault: see what nvidia-smi, rocminfo or vulkaninfo --summary says, and dmesg"
        return [Observation("devices", said, "problem", remedy)]
    return [Observation(**seen) for seen in json.loads(answer.output.splitlines()[-1])]


def answer(name: str) -> None:
    """Print what a probe observes, as JSON."""
    observations = [asdict(seen) for seen in examine(pkgutil.resolve_name(name))]
    # Apart from what a driver has printed.
    print(f"\n{json.dumps(observations)}", flush=True)
