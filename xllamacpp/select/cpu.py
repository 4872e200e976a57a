"""The processor."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .files import Files

# x86-64's levels, as its ABI has them: what /proc/cpuinfo calls what each adds.
_LEVELS = (
    (2, "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"),
    (3, "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"),
    (4, "avx512bw avx512cd avx512dq avx512f avx512vl"),
)


@dataclass(frozen=True)
class Cpu:
    """The processor: its name, empty where it is not known, and its x86-64 level, from 1 to 4, 0 for another kind."""

    name: str = ""
    level: int = 0


def read_cpu(files: Files) -> Cpu:
    """Find the processor's name and level in /proc/cpuinfo."""
    text = files.read("/proc/cpuinfo")
    name = re.search(r"^model name\s*:\s*(.+?)\s*$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return Cpu(name[1] if name else "", _level(set(flags[1].split())) if flags else 0)


def _level(flags: set[str]) -> int:
    level = 1 if "lm" in flags else 0
    for number, words in _LEVELS:
        if level == number - 1 and flags.issuperset(words.split()):
            level = number
    return level
