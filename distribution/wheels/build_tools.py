"""The tools that a wheel is built with, as pyproject.toml names them; other versions of them may make other bytes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wheels.compiled_in import PartsError


def names(project: Mapping[str, Any]) -> list[str]:
    """Return what pyproject.toml asks for to build a wheel.

    Parameters
    ----------
    project : mapping of str to Any
        What pyproject.toml says.
    """
    requires = [*project["build-system"]["requires"], *project["dependency-groups"]["build"]]
    return sorted({canonicalize_name(Requirement(text).name) for text in requires})


def versions(project: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of each, on the machine that built the wheel and in the environment that did.

    Parameters
    ----------
    project : mapping of str to Any
        What pyproject.toml says.

    Raises
    ------
    PartsError
        One is not installed.
    """
    found = {}
    for name in names(project):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            raise PartsError(f"there is no {name} here: this runs in the environment that built the wheel") from None
    return found
