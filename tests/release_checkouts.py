"""A checkout that a release could be made of: the files that it looks at, in a repository of its own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import matrix
from release import changelog, reports
from release.folder import ReleasedWheel
from rendering import made_files, tables
from rendering.image_runs import FILE as RUNS

CHECKOUT = Path(__file__).resolve().parents[1]

SITE = "https://wheels.example/"
"""str: where its index is served."""

DIGEST = f"sha256:{'d' * 64}"
"""str: what its base images are pinned to."""


def git(root: Path, *arguments: str) -> str:
    """Run git in a checkout, as nobody in particular; return what it says."""
    command = ["git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def make_checkout(folder: Path, version: str) -> Path:
    """Make one that is ready for the release of a version, on the branch main.

    Parameters
    ----------
    folder : Path
        Where to; it is made.
    version : str
        The version.
    """
    for path in (matrix.FILE, "pyproject.toml", RUNS, *made_files.WHOLE, *tables.SECTIONS):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, folder / path)
    edit(folder / matrix.FILE, r"digest: null", f"digest: {DIGEST}")
    edit(folder / matrix.FILE, r"^site: .*$", f"site: {SITE}")
    edit(folder / "pyproject.toml", r'^version = ".*"$', f'version = "{version}"')
    (folder / changelog.FILE).write_text("# Changelog\n\n<!-- towncrier: releases -->\n")
    add_fragment(folder, "+first.added.md", "All of it.")
    (folder / ".gitignore").write_text("/build/\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    changelog.build(folder, version)
    made_files.render(folder)
    commit(folder)
    return folder


def edit(path: Path, pattern: str, text: str) -> None:
    """Replace what matches in a file."""
    old = path.read_text(encoding="utf-8")
    new = re.sub(pattern, text, old, flags=re.MULTILINE)
    assert new != old or re.search(pattern, old, re.MULTILINE), f"{path} has no {pattern}"
    path.write_text(new, encoding="utf-8")


def add_fragment(root: Path, name: str, text: str) -> None:
    """Say what changed."""
    (root / changelog.FRAGMENTS).mkdir(exist_ok=True)
    (root / changelog.FRAGMENTS / name).write_text(f"{text}\n")


def add_report(
    folder: Path, wheel: ReleasedWheel, *, without: tuple[str, ...] = (), failed: tuple[str, ...] = ()
) -> Path:
    """Write what `nox -s wheel_check --json` would have written of a wheel; return the file."""
    gates = [
        {"gate": name, "why": "", "findings": [{"where": "", "what": "", "note": name not in failed}]}
        for name in reports.NEEDED
        if name not in without
    ]
    values = {"wheel": wheel.file, "sha256": wheel.sha256, "row": wheel.row, "passed": not failed, "gates": gates}
    place = reports.path(folder, wheel.row)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(values))
    return place


def commit(root: Path) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Work")
