"""Whether the index alone has what its wheels depend on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from index.ledger import Dependency, Ledger
from index.ledger_rules import Problem
from index.machine import Machine, machines_of


def incomplete(ledger: Ledger) -> Iterator[Problem]:
    """Yield what our wheels ask for themselves, with an extra or without, and some of their machines find no wheel of.

    What is yanked counts on neither side. What dependencies ask for in turn is not known: of that the lock file has
    seen to it.
    """
    good: dict[NormalizedName, list[Dependency]] = defaultdict(list)
    for found in ledger.dependencies:
        if found.yanked is None:
            good[found.project].append(found)
    for number, record in enumerate(ledger.files):
        machines = machines_of(record) if record.yanked is None else []
        for requirement in map(Requirement, record.requires_dist):
            known = good[canonicalize_name(requirement.name)]
            fitting = [each for each in known if requirement.specifier.contains(each.version, prereleases=True)]
            lacking = [each for each in machines if _is_wanted(requirement, each) and not any(map(each.takes, fitting))]
            if lacking:
                advice = "record a lock file that has it (nox -s index -- depend)"
                text = f"there is no wheel for {requirement} among the dependencies for {lacking[0]}: {advice}"
                yield Problem("files", number, record.file, "requires_dist", text)


def _is_wanted(requirement: Requirement, machine: Machine) -> bool:
    extras = re.findall(r'\bextra == "([^"]+)"', str(requirement.marker or ""))
    return any(machine.is_meant(requirement.marker, extra) for extra in ("", *extras))
