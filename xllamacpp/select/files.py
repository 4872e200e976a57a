"""The files of a machine, from a root that tests can put elsewhere, and the container that a process is in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

ContainerKind = Literal["docker", "podman", "kubernetes", "apptainer"]


def container_kind(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> ContainerKind | None:
    """Tell what runs the container that this process is in.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.
    environment : mapping of str, optional
        The environment variables.

    Returns
    -------
    "docker", "podman", "kubernetes", "apptainer" or None
        None outside of a container, and where it cannot be told.
    """
    # First: the nodes of a cluster may run Docker.
    if "KUBERNETES_SERVICE_HOST" in environment:
        return "kubernetes"
    # Its images are often made of Docker's, with their marks.
    if {"APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"} & set(environment):
        return "apptainer"
    if (root / "run/.containerenv").exists():
        return "podman"
    if (root / ".dockerenv").exists():
        return "docker"
    return None


@dataclass(frozen=True)
class Files:
    """What can be read of a machine without asking anybody: its files, and its environment.

    Parameters
    ----------
    root : Path, optional
        Where the file system begins.
    environment : mapping of str, optional
        The environment variables.
    """

    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def container(self) -> ContainerKind | None:
        """What runs the container that this is in, if one does."""
        return container_kind(self.root, self.environment)

    def find(self, *patterns: str) -> list[Path]:
        """Return the files that match any of some absolute patterns.

        What comes from the environment has to go through :func:`glob.escape` before it is part of one.
        """
        relative = filter(None, (pattern.lstrip("/") for pattern in patterns))
        return sorted(path for pattern in relative for path in self.root.glob(pattern))

    def read(self, name: str | Path) -> str:
        """Return a file's text, empty where it cannot be read."""
        try:
            return (self.root / str(name).lstrip("/")).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
