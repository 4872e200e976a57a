"""The workflows: they call sessions that nox has, with rows that the matrix has, through actions that cannot change."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import matrix
import workflow_jobs

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
MATRIX = matrix.load(CHECKOUT)
JOBS = json.loads(workflow_jobs.render(MATRIX))

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def sessions():
    """The names of nox's sessions, with their parameters and, for all of those at once, without."""
    # Its JSON has only those that run by default.
    command = [sys.executable, "-m", "nox", "--noxfile", CHECKOUT / "noxfile.py", "--list-sessions", "--nocolor"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    names = re.findall(r"^[*-] (\S+)", result.stdout, re.MULTILINE)
    return {*names, *(name.partition("(")[0] for name in names)}


def jobs(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))["jobs"]


def steps(path):
    return [step for job in jobs(path).values() for step in job["steps"]]


def called(path):
    """The sessions that a workflow runs, with the names of the job's rows where it says $ROW."""
    found = set()
    for job in jobs(path).values():
        rows = JOBS["gpu" if ").gpu" in job.get("strategy", {}).get("matrix", "") else "all"]["include"]
        lines = [line for step in job["steps"] for line in step.get("run", "").splitlines() if "nox " in line]
        names = [name.strip('"') for line in lines for name in re.findall(r'-s +("[^"]+"|[\w-]+)', line)]
        assert len(names) >= len(lines)
        found |= {name.replace("$ROW", row["row"]) for name in names for row in rows}
    return found


def test_there_are_workflows():
    assert "images.yml" in {path.name for path in WORKFLOWS}


@every_workflow
def test_every_session_that_is_called_exists(path, sessions):
    assert called(path)
    assert called(path) <= sessions


@every_workflow
def test_every_action_is_pinned_to_a_commit(path):
    for step in steps(path):
        assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", step["uses"])


@every_workflow
def test_every_job_ends(path):
    assert all("timeout-minutes" in job for job in jobs(path).values())


@every_workflow
def test_jobs_read_what_the_matrix_prints(path):
    text = path.read_text(encoding="utf-8")
    fields = set(re.findall(r"\bmatrix\.(\w+) *}}", text))
    lists = set(re.findall(r"fromJSON\(needs\.matrix\.outputs\.rows\)\.(\w+)", text)) | set(
        re.findall(r"'(\w+)' *[|\]]", text)
    )
    assert {"row", "runner"} <= fields
    assert lists == JOBS.keys()
    assert all(fields <= job.keys() for found in JOBS.values() for job in found["include"])


def test_each_change_builds_the_row_for_everybody():
    assert [job["row"] for job in JOBS["each_change"]["include"]] == [MATRIX.latest]
    assert [job["row"] for job in JOBS["all"]["include"]] == list(MATRIX.rows)
    assert {job["row"] for job in JOBS["gpu"]["include"]} == {name for name, row in MATRIX.rows.items() if row.is_gpu}


def test_one_gate_waits_for_every_job():
    found = jobs(CHECKOUT / ".github" / "workflows" / "images.yml")
    assert set(found["pass"]["needs"]) == found.keys() - {"pass"}
