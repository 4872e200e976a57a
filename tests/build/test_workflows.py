"""The workflows: what each event starts, and that nothing is released of which a part is wrong.

actionlint and zizmor (`nox -s lint`) know what a workflow may be; this is about what ours do.
"""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from functools import partial

import pytest
from ruamel.yaml import YAML

import matrix
import workflow_runs
from rendering import workflow_jobs
from workflow_runs import BY_HAND, CHECKOUT, PROPOSED, PUSHED, SCHEDULED, TAGGED, WORKFLOWS, Setting, run

MATRIX = matrix.load(CHECKOUT)
JOBS = json.loads(workflow_jobs.render(MATRIX))
PUBLISHED = [name for name, row in MATRIX.rows.items() if row.wheel.published]
REGISTRY = {"REGISTRY": "images.example"}
VARIABLES = {**REGISTRY, "GPU_RUNNERS": "nvidia,amd"}
NEW_PIN = {"move": {"branch": "llama-cpp-9.9.9"}}

EVENTS = {
    "push": ("ci", PUSHED),
    "pull request": ("ci", PROPOSED),
    "week": ("weekly", SCHEDULED),
    "week by hand": ("weekly", BY_HAND),
    "pin": ("llama_cpp", SCHEDULED),
    "gpu": ("gpu", BY_HAND),
    "yank": ("site", BY_HAND),
    "tag": ("release", TAGGED),
}
every_event = pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
FILES = sorted((CHECKOUT / ".github").glob("**/*.yml"))


def jobs_of(event, variables=VARIABLES, outputs=NEW_PIN, **options):
    workflow, github = event
    return run(workflow, Setting(github, variables, outputs, **options))


def actions():
    """Every action that is used, with the comment behind it."""
    return [
        found for path in FILES for found in re.findall(r"uses: (\S+)(?: # (\S+))?$", path.read_text(), re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def sessions():
    """The names of nox's sessions, with their parameters and, for all of those at once, without."""
    # Its JSON has only those that run by default.
    command = [sys.executable, "-m", "nox", "--noxfile", CHECKOUT / "noxfile.py", "--list-sessions", "--nocolor"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    names = re.findall(r"^[*-] (\S+)", result.stdout, re.MULTILINE)
    return {*names, *(name.partition("(")[0] for name in names)}


# What starts when


def test_every_workflow_is_started_by_an_event_here_or_by_another():
    called = {job.path[0] for event in EVENTS.values() for job in jobs_of(event)}
    called |= {
        call for path in WORKFLOWS.glob("*.yml") for call in re.findall(r"workflows/(\w+)\.yml", path.read_text())
    }
    assert called == {path.stem for path in WORKFLOWS.glob("*.yml")}
    started = {workflow: set(workflow_runs.read(workflow)["on"]) - {"workflow_call"} for workflow in called}
    assert started == {
        "ci": {"push", "pull_request"},
        "weekly": {"schedule", "workflow_dispatch"},
        "llama_cpp": {"schedule", "workflow_dispatch"},
        "gpu": {"workflow_dispatch"},
        "site": {"workflow_dispatch"},
        "release": {"push"},
        "rows": set(),
        "platforms": set(),
    }


@pytest.mark.parametrize(
    ("tag", "starts"), [("v2026.11.0", True), ("v2026.1.12", True), ("v1.0.0", False), ("2026.11.0", False)]
)
def test_a_release_is_started_by_a_version_of_ours(tag, starts):
    on = workflow_runs.read("release")["on"]["push"]
    assert set(on) == {"tags"}
    # In GitHub's patterns + is the expression's, and everything else here is too, or a dot.
    assert any(re.fullmatch(pattern.replace(".", r"\."), tag) for pattern in on["tags"]) is starts


def test_a_change_builds_the_row_for_everybody():
    assert [job["row"] for job in JOBS["each_change"]["include"]] == [MATRIX.latest]
    rows = [job.matrix["row"] for job in jobs_of(EVENTS["pull request"]) if "row" in job.matrix]
    assert rows == [MATRIX.latest, MATRIX.latest]


def test_a_week_builds_every_row_and_checks_what_is_published():
    jobs = jobs_of(EVENTS["week"])
    assert [job.matrix["row"] for job in jobs if job.name == "weekly/rows/image"] == list(MATRIX.rows)
    assert [job.matrix["row"] for job in jobs if job.name == "weekly/rows/wheel"] == PUBLISHED


def test_a_wheel_and_its_image_are_published_together():
    # The list of a release is one.
    assert [job["row"] for job in JOBS["published"]["include"]] == PUBLISHED
    assert [name for name, row in MATRIX.rows.items() if row.image.published] == PUBLISHED


@pytest.mark.parametrize(
    ("labels", "families"),
    [({}, set()), ({"GPU_RUNNERS": "nvidia"}, {"cuda"}), (VARIABLES, {"cuda", "hip", "vulkan"})],
    ids=["none", "nvidia", "both"],
)
@pytest.mark.parametrize("event", ["gpu", "week", "tag"])
def test_gpu_tests_run_where_there_are_runners(event, labels, families):
    all_jobs = jobs_of(EVENTS[event], {**REGISTRY, **labels})
    jobs = [job for job in all_jobs if job.path[-1] == "gpu"]
    assert {MATRIX.row(job.matrix["row"]).backend for job in jobs} == families
    assert all("self-hosted" in job.matrix["gpu_runner"] for job in jobs)
    # Without GPUs the rest goes on.
    assert event != "tag" or "release/promote" in {job.name for job in all_jobs}


@pytest.mark.parametrize("event", ["push", "pull request"])
def test_no_change_reaches_a_self_hosted_runner(event):
    runners = {str(job.definition["runs-on"]) for job in jobs_of(EVENTS[event])}
    assert runners
    assert not [runner for runner in runners if "gpu_runner" in runner or "self-hosted" in runner]


# What they do


@every_event
def test_every_session_that_is_called_exists(event, sessions):
    lines = [line for job in jobs_of(event) for line in job.scripts.splitlines() if "bin/nox" in line]
    names = [name.strip('"') for line in lines for name in re.findall(r'-s ("[^"]+"|[\w-]+)', line)]
    assert len(names) == len(lines) > 0
    assert set(names) <= sessions


@every_event
def test_what_is_downloaded_was_uploaded_before(event):
    there = set()
    for job in jobs_of(event):
        for step in job.steps:
            action = step.get("uses", "").partition("@")[0]
            if action == "actions/upload-artifact":
                assert step["with"]["name"] not in there
                assert step["with"]["if-no-files-found"] == "error"
                there.add(step["with"]["name"])
            if action == "actions/download-artifact":
                wanted = step["with"].get("name") or step["with"]["pattern"]
                assert fnmatch.filter(there, wanted), (job.name, wanted)


def test_the_gate_of_ci_waits_for_every_job():
    jobs = workflow_runs.read("ci")["jobs"]
    assert {*jobs["pass"]["needs"]} == jobs.keys() - {"pass"}
    for failed in jobs.keys() - {"pass"}:
        found = jobs_of(EVENTS["push"], fails=lambda name, _, failed=failed: name.startswith(f"ci/{failed}"))
        (gate,) = [job for job in found if job.name == "ci/pass"]
        assert gate.steps[0]["env"] == {"FAILED": True}
    assert jobs_of(EVENTS["push"])[-1].steps[0]["env"] == {"FAILED": ""}


# A release


def publishing(job):
    """Whether others can see what a job did."""
    return "write" in job.definition["permissions"].values()


def test_every_published_row_has_its_part_of_a_release():
    jobs = jobs_of(EVENTS["tag"])

    def rows(name, *said):
        found = [job for job in jobs if job.name == f"release/{name}"]
        assert found
        assert all(word in json.dumps(job.steps) for job in found for word in said), (name, said)
        return [job.matrix["row"] for job in found]

    assert rows("rows/image", "image_test(", "actions/upload-artifact") == PUBLISHED
    assert rows("rows/wheel", "wheel_check(", "--against") == PUBLISHED
    assert rows("images", "image_test(", "release -- images", "--row") == PUBLISHED
    assert rows("attest", "actions/attest") == PUBLISHED
    # These are for all published rows where none is named.
    whole = {job.name: job.scripts for job in jobs if not job.matrix}
    version = TAGGED["ref_name"].removeprefix("v")
    for name, command in {
        "version": f'release -- check "{version}"',
        "wheels": f'release -- wheels "{version}"',
        "publish": f'release -- index "{version}"',
        "promote": f'release -- promote "{version}" --registry "images.example/owner/xllamacpp"',
    }.items():
        assert command in whole[f"release/{name}"].replace("<names.version>", version)
        assert "--row" not in whole[f"release/{name}"]
    assert "index -- render" in whole["release/site/site"]


def test_wheel_and_image_get_provenance_and_a_list_of_parts():
    for job in (job for job in jobs_of(EVENTS["tag"]) if job.name == "release/attest"):
        given = [step["with"] for step in job.steps if step.get("uses", "").startswith("actions/attest@")]
        about = [("wheel" if "subject-path" in found else "image", found.get("sbom-path")) for found in given]
        lists = {"wheel": "<subjects.wheel_parts>", "image": "<subjects.image_parts>"}
        assert about == [("wheel", None), ("wheel", lists["wheel"]), ("image", None), ("image", lists["image"])]
        assert [found.get("subject-name") for found in given] == [None, None, *["images.example/owner/xllamacpp"] * 2]


GATES = [
    ("release/version", None),
    *[(f"release/rows/{name}", row) for name in ("image", "wheel") for row in PUBLISHED],
    *[("release/gpu/gpu", row) for row in PUBLISHED if MATRIX.row(row).is_gpu],
    *[("release/platforms/wheel", runner) for runner in ("macos-15", "windows-2025")],
    ("release/wheels", None),
]


def fails(name, value, job, its_matrix):
    return job == name and (value is None or value in its_matrix.values())


@pytest.mark.parametrize(("name", "value"), GATES, ids=[f"{name}-{value}" for name, value in GATES])
def test_a_failed_part_publishes_nothing(name, value):
    jobs = jobs_of(EVENTS["tag"], fails=partial(fails, name, value))
    assert [job.name for job in jobs if job.result == "failure"] == [name]
    assert not [job.name for job in jobs if publishing(job)]


def test_what_people_meet_comes_after_everything_else():
    for name, after in {
        "release/images": ["release/attest", "release/publish", "release/site/site", "release/promote"],
        "release/attest": ["release/publish", "release/site/site", "release/promote"],
        "release/publish": ["release/site/site", "release/promote"],
        "release/site/site": ["release/promote"],
    }.items():
        jobs = jobs_of(EVENTS["tag"], fails=partial(fails, name, None))
        assert name in {job.name for job in jobs}
        assert not {*after} & {job.name for job in jobs}


def test_a_person_says_yes_before_anything_is_published():
    first = next(job for job in jobs_of(EVENTS["tag"]) if publishing(job))
    assert (first.name, first.definition["environment"]) == ("release/images", "release")


# What they may do

WRITES = {
    "release/images": {"packages"},
    "release/attest": {"id-token", "attestations", "packages"},
    "release/publish": {"contents"},
    "release/site/site": {"pages", "id-token"},
    "release/promote": {"packages"},
    "site/site": {"pages", "id-token"},
    "llama_cpp/propose": {"contents", "pull-requests"},
}


@every_event
def test_a_job_may_write_what_it_has_to(event):
    for job in jobs_of(event):
        granted = job.definition["permissions"]
        assert {key for key, value in granted.items() if value == "write"} == WRITES.get(job.name, set())
        assert set(granted.values()) <= {"read", "write"}


def test_a_workflow_that_is_called_is_granted_what_it_uses():
    for path in WORKFLOWS.glob("*.yml"):
        for name, job in workflow_runs.read(path.stem)["jobs"].items():
            assert workflow_runs.read(path.stem)["permissions"] == {}
            if call := re.fullmatch(r"\./\.github/workflows/(\w+)\.yml", job.get("uses", "")):
                for inner in workflow_runs.read(call[1])["jobs"].values():
                    assert inner["permissions"].items() <= job["permissions"].items(), (path.name, name)


def test_new_code_of_others_runs_where_nothing_can_be_written():
    jobs = {job.name: job for job in jobs_of(EVENTS["pin"])}
    assert "-s tests" in jobs["llama_cpp/move"].scripts
    assert not publishing(jobs["llama_cpp/move"])
    assert "bin/nox" not in jobs["llama_cpp/propose"].scripts


def test_nothing_is_proposed_where_nothing_is_new():
    jobs = jobs_of(EVENTS["pin"], outputs={"move": {"branch": ""}})
    assert [job.name for job in jobs] == ["llama_cpp/move"]


def test_every_action_is_pinned_to_a_commit_that_has_a_version():
    assert len(actions()) > 10
    pins = {}
    for action, version in actions():
        if not action.startswith("./"):
            name, _, commit = action.partition("@")
            assert re.fullmatch(r"[0-9a-f]{40}", commit), action
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action
            assert pins.setdefault(name, (commit, version)) == (commit, version)
        else:
            assert (CHECKOUT / action).exists() or (CHECKOUT / action / "action.yml").exists()


@every_event
def test_no_checkout_keeps_the_token(event):
    steps = [
        step for job in jobs_of(event) for step in job.steps if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert all(step["with"]["persist-credentials"] is False for step in steps)


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.stem)
def test_every_job_ends_and_no_two_runs_meet(path):
    workflow = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert all("timeout-minutes" in job for job in workflow["jobs"].values() if "uses" not in job)
    if set(workflow["on"]) != {"workflow_call"}:
        assert {*workflow["concurrency"]} == {"group", "cancel-in-progress"}
