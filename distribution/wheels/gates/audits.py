"""The audits of others: auditwheel on the platform tag, abi3audit on the stable ABI."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import WheelFile, WheelFileError


def _platform(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    row = target.row
    oldest = _glibc(row.wheel.platform)
    if oldest is None:
        return
    audit = _json_of(wheel, "auditwheel", "show", "--json")
    where = wheel.path.name
    if "error" in audit:
        yield Finding(where, f"auditwheel: {audit['error']}")
        return
    found = _glibc(audit["sym_tag"])
    if found is None or found > oldest:
        yield Finding(
            where,
            f"needs {audit['sym_tag']}, and wheel.platform of the row {row.name} is {row.wheel.platform}: build it on "
            "an older system, or change the tag",
        )
    if audit["unsupported_isa"]:
        yield Finding(where, "auditwheel: it asks for instructions that not every processor of the platform has")
    # What is not on the platform's own list has to be the row's: NEEDED goes through the names one by one.
    allowed = (*row.needed.core, *row.needed.module)
    upgrade = audit["policy_upgrades"].get(row.wheel.platform, {})
    for name in upgrade.get("libs_to_eliminate", []):
        if not any(fnmatch(name, pattern) for pattern in allowed):
            yield Finding(where, f"auditwheel: {name} is not part of {row.wheel.platform}, nor named in needed")
    for name, symbols in upgrade.get("blacklisted_symbols", {}).items():
        yield Finding(where, f"auditwheel: {', '.join(symbols)} of {name} may not be used under {row.wheel.platform}")


def _stable_abi(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    audit = _json_of(wheel, "abi3audit", "--strict", "--report")
    for spec in audit["specs"].values():
        for library in spec["wheel"]:
            result = library["result"]
            if not result["is_abi3"]:
                symbols = ", ".join(result["non_abi3_symbols"][:3])
                yield Finding(library["name"], f"is outside of Python's stable ABI: {symbols}")
            elif not result["is_abi3_baseline_compatible"]:
                yield Finding(
                    library["name"],
                    f"needs the stable ABI of Python {result['computed']}, and its tag says {result['baseline']}",
                )


def _json_of(wheel: WheelFile, tool: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", tool, *arguments, str(wheel.path)]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    try:
        answer = json.loads(result.stdout)
    except ValueError:
        last = result.stderr.strip().splitlines()[-1:] or ["no word"]
        raise WheelFileError(wheel.path.name, f"{tool} failed ({result.returncode}): {last[0]}") from None
    assert isinstance(answer, dict)
    return answer


def _glibc(platform: str) -> tuple[int, int] | None:
    tag = re.fullmatch(r"manylinux_(\d+)_(\d+)_\w+", platform)
    return (int(tag[1]), int(tag[2])) if tag else None


PLATFORM = Rule("platform", "it loads on every system that its platform tag stands for (auditwheel)", _platform)
STABLE_ABI = Rule("stable ABI", "one wheel serves every Python from its tag's on (abi3audit)", _stable_abi)
GATES = (PLATFORM, STABLE_ABI)
