"""What installs a wheel on a machine: the pip of the Python that asks, or an environment's, or uv."""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Machine
from .obstacles import python_obstacle
from .rows import Rows
from .source import Interpreter

_ENVIRONMENT = "xllamacpp-env"
_GET_UV = "first install uv: https://docs.astral.sh/uv/getting-started/installation/ says how"
_GET_VENV = "first install python3-venv (Debian, Ubuntu): this Python makes no environments without it"


@dataclass(frozen=True)
class Installer:
    """What installs a wheel.

    Parameters
    ----------
    command : str
        The command, up to its options.
    preparation : tuple of str
        The commands that come before it.
    reasons : tuple of str
        Why it is not this Python's own pip.
    needs : tuple of str
        What has to be installed first.
    """

    command: str
    preparation: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def find_installer(machine: Machine, rows: Rows) -> Installer:
    """Return what installs a wheel for the Python that asks, or else in an environment beside it."""
    python = machine.interpreter
    wrong_python = python_obstacle(machine, rows)
    if wrong_python:
        return Installer(
            f"uv pip install --python {_ENVIRONMENT}",
            # An active environment, or one in .venv, is another Python's. A second run is no error.
            (f"uv venv --python {rows.python} --allow-existing {_ENVIRONMENT}",),
            (f"{wrong_python}: uv brings one that fits, and its programs are in {_ENVIRONMENT}/bin",),
            () if python.has_uv else (_GET_UV,),
        )
    if not python.is_venv and (python.is_externally_managed or not python.has_pip):
        why = "the system keeps pip from installing" if python.is_externally_managed else "there is no pip"
        return Installer(
            f"{_ENVIRONMENT}/bin/python -m pip install",
            (f"{python.command} -m venv {_ENVIRONMENT}",),
            (f"{why} for this Python: an environment takes it, and its programs are in {_ENVIRONMENT}/bin",),
            () if python.has_ensurepip else (_GET_VENV,),
        )
    return installer_here(python)


def installer_here(python: Interpreter) -> Installer:
    """Return what installs a wheel for the Python that asks, where it may."""
    if python.has_pip:
        return Installer(f"{python.command} -m pip install")
    return Installer(
        f"uv pip install --python {python.command}",
        reasons=("this Python has no pip: uv installs for it",),
        needs=() if python.has_uv else (_GET_UV,),
    )
