"""Something that is in a GPU's way, and what helps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is in a GPU's way.

    Parameters
    ----------
    problem : str
        What is missing or wrong.
    remedy : str
        What to do: the flag to start the container with, or what to install.
    """

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}: {self.remedy}"
