"""What the tests of a run came to, and where a run is worse than another."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Outcome:
    """What a test came to.

    Parameters
    ----------
    status : str
        ``passed``, ``failed`` or ``skipped``.
    line : int, optional
        The line of the test at which it failed, 0 where that is not known.
    reason : str, optional
        Why, in a line.
    """

    status: str
    line: int = 0
    reason: str = ""

    def is_worse_than(self, other: Outcome) -> bool:
        """Tell whether a test did not come as far as in the other run."""
        if self.status == other.status == "failed":
            return self.line < other.line
        order = ("failed", "skipped", "passed")
        return order.index(self.status) < order.index(other.status)


Outcomes = dict[str, Outcome]
"""By the tests' names, as pytest takes them."""


def read(report: Path) -> Outcomes:
    """Read a report of pytest's, in JUnit's form."""
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        outcomes[name] = _outcome(case)
    return outcomes


def _outcome(case: ElementTree.Element) -> Outcome:
    # An error is one of a fixture: the test has not begun, or did not end.
    for tag, status in (("error", "failed"), ("failure", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            line = re.search(r"^unit/\w+\.py:(\d+): ", found.text or "", re.MULTILINE)
            reason = (found.get("message") or "").strip().partition("\n")[0]
            return Outcome(status, int(line[1]) if line and tag == "failure" else 0, reason)
    return Outcome("passed")


def worse(ours: Outcomes, theirs: Outcomes) -> list[str]:
    """Return the tests that came further in the other run; one that is missing in ours came nowhere."""
    nothing = Outcome("failed", reason="it did not run")
    return [name for name, outcome in theirs.items() if ours.get(name, nothing).is_worse_than(outcome)]


def counts(outcomes: Outcomes) -> str:
    """Return how many came to what, in words."""
    found = Counter(outcome.status for outcome in outcomes.values())
    return ", ".join(f"{found[status]} {status}" for status in ("passed", "failed", "skipped"))


def listed(names: list[str], ours: Outcomes, theirs: Outcomes) -> str:
    """Return a line for each of some tests: what it came to in both runs."""

    def told(outcome: Outcome | None) -> str:
        if outcome is None:
            return "missing"
        place = f" at line {outcome.line}" if outcome.line else ""
        return f"{outcome.status}{place}" + (f" ({outcome.reason})" if outcome.reason else "")

    return "\n".join(f"  {name}\n    {told(theirs.get(name))}\n    {told(ours.get(name))}" for name in names)
