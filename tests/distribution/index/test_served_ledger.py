"""The step of the workflow `site` that holds the ledger against the one that is served, run as GitHub runs it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

import workflow_runs
from file_server import FileServer
from index import ledger_file
from index.ledger import Dependency, Ledger

CHECKOUT = workflow_runs.CHECKOUT
CLICK = Dependency("click-8.5.1-py3-none-any.whl", "https://files.example/click-8.5.1-py3-none-any.whl", "c" * 64, 10)
LEDGER = Ledger(dependencies=(CLICK,))


@pytest.fixture
def step(tmp_path):
    """Run the step in a folder that has the ledger, given where the site is."""
    (job,) = workflow_runs.read("site")["jobs"].values()
    (script,) = (step["run"] for step in job["steps"] if "compare" in step.get("run", ""))
    nox = tmp_path / ".venv" / "bin" / "nox"
    nox.parent.mkdir(parents=True)
    # -s index -- and then what the command gets.
    nox.write_text(
        f'#!/bin/sh\n[ "$1 $2 $3" = "-s index --" ] && shift 3 && exec "{sys.executable}" -m index.commands "$@"\n'
    )
    nox.chmod(0o755)
    ledger_file.save(tmp_path / "build" / "ledger" / "ledger.json", LEDGER)

    def run(site):
        environment = {**os.environ, "SITE": site, "PYTHONPATH": str(CHECKOUT / "distribution")}
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    ("served", "status", "said"),
    [
        (Ledger(), 0, "continued"),
        (LEDGER, 0, "continued"),
        (Ledger(dependencies=(dataclasses.replace(CLICK, sha256="d" * 64),)), 1, "sha256 was"),
        (Ledger(dependencies=(dataclasses.replace(CLICK, yanks=("wrong",)),)), 1, "yanks were"),
        (None, 0, "nothing is served yet"),
    ],
    ids=["older", "same", "rewritten", "yank lost", "nothing"],
)
def test_what_is_served_is_continued(tmp_path, step, served, status, said):
    folder = tmp_path / "served"
    folder.mkdir()
    if served:
        ledger_file.save(folder / "whl" / "ledger.json", served)
    with FileServer(folder) as server:
        done, text = step(f"{server.url}/")
    assert (done, said in text) == (status, True), text


def test_without_an_answer_nothing_is_taken_for_new(step, tmp_path):
    (tmp_path / "served").mkdir()
    with FileServer(tmp_path / "served") as server:
        gone = server.url
    status, text = step(gone)
    assert status != 0, text
    assert "nothing is served yet" not in text
