"""CHANGELOG.md, which towncrier makes of the fragments in changelog.d/; its settings are in pyproject.toml."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from release.folder import ReleaseError

FILE = "CHANGELOG.md"
FRAGMENTS = "changelog.d"


def fragments(root: Path) -> list[str]:
    """Return the names of the fragments that no release has taken yet."""
    return sorted(path.name for path in (root / FRAGMENTS).glob("*") if not path.name.startswith("."))


def section(root: Path, version: str) -> str:
    """Return what CHANGELOG.md says of a version, without its heading; empty where it says nothing."""
    text = (root / FILE).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)} \([^\n]*\)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def build(root: Path, version: str) -> None:
    """Write the fragments into CHANGELOG.md under a version, and remove them.

    Raises
    ------
    ReleaseError
        There are none, or one of them is misnamed.
    """
    if not fragments(root):
        raise ReleaseError(f"{FRAGMENTS}/ has no fragments: what changed? (docs/releasing.md says how to write one)")
    if section(root, version):
        raise ReleaseError(f"{FILE} has {version} already, and there are fragments: put their text there by hand")
    command = [sys.executable, "-m", "towncrier", "build", "--yes", f"--version={version}"]
    # It asks the repository that it is run in which fragments are git's.
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise ReleaseError(f"towncrier cannot make {FILE}: {(result.stderr or result.stdout).strip()}")
