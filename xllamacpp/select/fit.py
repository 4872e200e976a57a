"""What a build makes of a machine's hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Way = Literal["pip", "docker"]


@dataclass(frozen=True)
class Fit:
    """What a build makes of a machine.

    Parameters
    ----------
    reason : str
        Why it can use the hardware, or why not.
    rank : tuple of int or None
        Among builds of the same kind, the smallest is the best; None where it cannot use the hardware.
    remedy : str
        What would have to change; empty where nothing helps.
    drawback : str
        Why another build of the same kind may come first.
    lacking : str
        What would have to be installed first, where it would run on the CPU alone without; else empty.
    """

    reason: str
    rank: tuple[int, ...] | None = None
    remedy: str = ""
    drawback: str = ""
    lacking: str = ""
