"""Dockerfiles/scripts/with_network: what fetches something is tried again, as a network may be gone for a moment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "Dockerfiles" / "scripts" / "with_network"


@pytest.mark.parametrize(("failures", "pauses"), [(0, []), (1, ["15"]), (2, ["15", "60"])])
def test_a_command_is_tried_three_times(tmp_path, failures, pauses):
    assert run(tmp_path, failures) == (0, pauses, failures + 1)


def test_the_last_failure_is_the_scripts(tmp_path):
    assert run(tmp_path, failures=9) == (1, ["15", "60"], 3)


def run(folder, failures):
    """Run the script on a command that fails so often; return its status, its pauses, and how often it ran that."""
    write(folder / "sleep", f'echo "$1" >>{folder}/pauses')
    count = f"echo >>{folder}/runs; [ $(wc -l <{folder}/runs) -gt $1 ]"
    write(folder / "fetch", f'[ "$2" = "two words" ] || exit 5; {count}')
    environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", SCRIPT, "fetch", str(failures), "two words"], env=environment)
    pauses = folder / "pauses"
    runs = len((folder / "runs").read_text().splitlines())
    return done.returncode, pauses.read_text().split() if pauses.exists() else [], runs


def write(path, command):
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
