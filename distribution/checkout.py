"""What git says of a checkout."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path

MAIN = "main"
"""str: the branch that releases are made of."""


def revision(root: Path) -> str:
    """Return the commit of a checkout."""
    return _git(root, "rev-parse", "HEAD")


def created(root: Path) -> str:
    """Return when the commit of a checkout was made, so that the same commit gives the same labels."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "show", "--no-patch", "--format=%ct", "HEAD"))
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def changed_files(root: Path) -> list[str]:
    """Return the files that differ from the commit, and those that git neither has nor ignores."""
    return [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]


def is_on_main(root: Path) -> bool:
    """Whether the commit is part of the branch ``main``, here or at ``origin``: a tag's checkout is on no branch."""
    branches = _git(root, "for-each-ref", "--contains=HEAD", "--format=%(refname)").splitlines()
    return bool({f"refs/heads/{MAIN}", f"refs/remotes/origin/{MAIN}"} & set(branches))


def has_tag(root: Path, tag: str) -> bool:
    """Whether there is such a tag."""
    return bool(_git(root, "tag", "--list", tag))


def is_tagged(root: Path, tag: str) -> bool:
    """Whether the commit of a checkout has such a tag."""
    return bool(_git(root, "tag", "--points-at", "HEAD", "--list", tag))


def _git(root: Path, *arguments: str) -> str:
    # No strip at the start: the first line of a status may begin with a blank.
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.rstrip()
