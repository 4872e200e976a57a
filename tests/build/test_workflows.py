"""The workflows: what each event starts, and that nothing is released of which a part is wrong.

actionlint and zizmor (`nox -s lint`) know what a workflow may be; this is about what ours do.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from functools import partial

import pytest
from ruamel.yaml import YAML

import matrix
import workflow_runs
from rendering import workflow_jobs
from workflow_expressions import fill
from workflow_runs import (
    BY_HAND,
    CANDIDATE,
    CHECKOUT,
    PROPOSED,
    PUSHED,
    SCHEDULED,
    TAGGED,
    WORKFLOWS,
    Setting,
    run,
    run_script,
)

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
    "candidate": ("release", CANDIDATE),
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


def scripts():
    """Every script, by where it stands."""
    for path in FILES:
        whole = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        jobs = whole.get("jobs", {"action": whole.get("runs", {})})
        for name, job in jobs.items():
            for number, step in enumerate(job.get("steps", ())):
                if "run" in step:
                    yield pytest.param(step["run"], id=f"{path.parent.name}-{path.stem}-{name}-{number}")


def step_of(event, job, *words):
    """The step of a job whose script has some words."""
    (found,) = [each for each in jobs_of(EVENTS[event]) if each.name == job]
    (step,) = [step for step in found.steps if all(word in step.get("run", "") for word in words)]
    return step


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
    ("tag", "starts"),
    [
        ("v2026.11.0", True),
        ("v2026.1.12", True),
        ("v2026.11.1rc1", True),
        ("v2026.11.1.post1", True),
        # It is no version, and a tag that starts nothing would not say so.
        ("v2026.13.0", True),
        ("v1.0.0", False),
        ("2026.11.0", False),
    ],
)
def test_a_release_is_started_by_a_version_of_ours(tag, starts):
    on = workflow_runs.read("release")["on"]["push"]
    assert set(on) == {"tags"}
    # In GitHub's patterns * stands for all but a slash, and a dot for itself.
    patterns = [pattern.replace(".", r"\.").replace("*", "[^/]*") for pattern in on["tags"]]
    assert any(re.fullmatch(pattern, tag) for pattern in patterns) is starts


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


def test_each_commit_of_main_keeps_its_run_of_ci():
    def group(event, sha):
        return fill(workflow_runs.read("ci")["concurrency"]["group"], {"github": {**event, "sha": sha}})

    assert group(PUSHED, "1") != group(PUSHED, "2")
    assert group(PROPOSED, "1") == group(PROPOSED, "2")


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


@pytest.mark.parametrize("script", list(scripts()))
def test_a_script_ends_where_a_command_fails(script):
    # What a command says as an argument of another one is taken as it is, be it nothing: only an assignment fails.
    assert not [line for line in script.splitlines() if "$(" in line and not re.match(r"\s*\w+=\$\(", line)]


@pytest.mark.parametrize("script", list(scripts()))
def test_packages_are_looked_up_before_they_are_installed(script):
    # A runner's lists are as old as its image, and name files that the mirrors have no more.
    before, install, _ = script.partition("apt-get install")
    assert not install or "apt-get update" in before


@pytest.mark.parametrize("workflow", ["rows", "gpu", "release"])
def test_rows_that_cannot_be_told_end_the_job(workflow, tmp_path):
    jobs = workflow_runs.read(workflow)["jobs"].values()
    (script,) = [step["run"] for job in jobs for step in job.get("steps", ()) if step.get("id") == "rows"]
    result = run_script(script, tmp_path, {"GPU_RUNNERS": "nvidia"}, {".venv/bin/nox": "echo '{'; exit 3"})
    assert result.returncode == 3
    assert (tmp_path / "output").read_text() == ""


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
    known = '--ledger build/ledger/ledger.json --registry "images.example/owner/xllamacpp"'
    # What is too old, or there already, is refused before anything is built.
    for name in ("version", "publish"):
        script = whole[f"release/{name}"].replace("<names.registry>", "images.example/owner/xllamacpp")
        assert re.search(rf'release -- check "\S+" {re.escape(known)}', script)


def test_no_wheel_is_released_that_another_machine_has_not_seen():
    jobs = {(job.name, job.matrix.get("row")): job for job in jobs_of(EVENTS["tag"])}
    for row in PUBLISHED:
        checked = jobs["release/rows/wheel", row]
        report = f"build/gates-{row}.json"
        assert f'--json "{report}"' in checked.scripts
        assert {"name": f"gates-{row}", "path": report, "if-no-files-found": "error"} in [
            step.get("with") for step in checked.steps
        ]
    taken = jobs["release/wheels", None]
    assert {"pattern": "gates-*", "path": "build/gates"} in [step.get("with") for step in taken.steps]
    assert "--from build/wheels --seen build/gates" in taken.scripts


def test_an_image_is_pushed_where_its_wheel_can_be_compared_with_the_released_one():
    for job in (job for job in jobs_of(EVENTS["tag"]) if job.name == "release/images"):
        row = job.matrix["row"]
        folder = f"build/release/{TAGGED['ref_name'].removeprefix('v')}"
        given = [step.get("with") or step.get("run", "") for step in job.steps]
        pushed = next(number for number, value in enumerate(given) if "release -- images" in value)
        assert given.index({"name": "release-wheels", "path": folder}) < pushed
        # No wheel again: those of all rows would be in the artifact of each.
        assert given[-1]["path"] == f"{folder}/image-{row}.*"


def test_a_candidate_is_a_prerelease_whose_image_no_other_tag_follows():
    for event, is_one in (("tag", False), ("candidate", True)):
        jobs = {job.name: job for job in jobs_of(EVENTS[event])}
        assert ("release/promote" in jobs) is not is_one
        assert step_of(event, "release/publish", "gh release create")["env"]["CANDIDATE"] is is_one
        assert "release/site/site" in jobs


LEDGER = "build/ledger/ledger.json"


@pytest.mark.parametrize("compared", ["continues", "does not"])
@pytest.mark.parametrize("before", ["a ledger", "none"])
def test_the_ledger_is_held_against_the_one_before(tmp_path, before, compared):
    step = step_of("tag", "release/publish", "release -- index")
    (tmp_path / LEDGER).parent.mkdir(parents=True)
    if before == "a ledger":
        (tmp_path / LEDGER).write_text("old")
    nox = f"""
        echo "$@" >> calls
        case "$*" in
        *"release -- index"*) echo new > {LEDGER} ;;
        *"index -- compare"*) [ "$(cat "$5") $(cat "$6")" = "old new" ] && exit {int(compared != "continues")} ;;
        esac"""
    given = {"VERSION": "2026.11.0", **{name: step["env"][name] for name in ("LEDGER", "FOLDER")}}
    result = run_script(step["script"], tmp_path, given, {".venv/bin/nox": nox})
    sessions = [line.split()[1:4] for line in (tmp_path / "calls").read_text().splitlines()]
    was_compared = [["index", "--", "compare"]] if before == "a ledger" else []
    assert sessions == [["release", "--", "index"], *was_compared]
    assert (result.returncode == 0) is (not was_compared or compared == "continues")


# Files that a release has on GitHub, in a folder; its state is in a file beside it.
GH = """
echo "$*" >> calls
state() { echo ", {\\"tagName\\": \\"v2026.11.0\\", \\"isDraft\\": $1}" > state; }
case "$1 $2" in
"release list")
    [ ! -e fails ] || exit 4
    echo '[{"tagName": "v2026.11.0rc1", "isDraft": false}' "$(cat state 2>/dev/null)" ']' ;;
"release create") mkdir -p there; state true ;;
"release upload") shift 4; cp "$@" there; [ ! -e lost ] || rm "there/$(cat lost)" ;;
"release download") cp -r there "$5" ;;
"release edit") state false ;;
*) exit 9 ;;
esac
"""


@pytest.fixture
def publish(tmp_path):
    """Publish a file under a version as the workflow does; return the exit status and the commands that gh got."""
    step = step_of("tag", "release/publish", "gh release create")
    folder = tmp_path / "build" / "release" / "2026.11.0"
    folder.mkdir(parents=True)
    (folder / "SHA256SUMS").write_text("sums")

    def do(text="wheel"):
        (folder / "x-2026.11.0+cpu.whl").write_text(text)
        (tmp_path / "calls").unlink(missing_ok=True)
        shutil.rmtree(tmp_path / "build" / "published", ignore_errors=True)
        given = {"VERSION": "2026.11.0", "GITHUB_REF_NAME": "v2026.11.0", "CANDIDATE": "false"}
        status = run_script(step["script"], tmp_path, given, {"gh": GH}).returncode
        return status, [line.split()[1] for line in (tmp_path / "calls").read_text().splitlines()]

    return do


def test_a_release_is_public_when_all_its_files_are_there(publish, tmp_path):
    assert publish() == (0, ["list", "create", "upload", "download", "edit"])
    create = (tmp_path / "calls").read_text().splitlines()[1]
    assert "--draft --prerelease=false --title 2026.11.0 --notes-file build/notes.md" in create
    assert '"isDraft": false' in (tmp_path / "state").read_text()
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"SHA256SUMS", "x-2026.11.0+cpu.whl"}


def test_a_release_stays_a_draft_until_then(publish, tmp_path):
    (tmp_path / "lost").write_text("SHA256SUMS")
    status, calls = publish()
    assert (status, calls[-1]) == (1, "download")
    assert '"isDraft": true' in (tmp_path / "state").read_text()
    (tmp_path / "lost").unlink()
    # What nobody has seen may be written again.
    assert publish("another") == (0, ["list", "upload", "download", "edit"])
    assert (tmp_path / "there" / "x-2026.11.0+cpu.whl").read_text() == "another"


def test_a_public_file_is_never_replaced(publish, tmp_path):
    publish()
    assert publish() == (0, ["list", "download", "edit"])
    status, calls = publish("another")
    assert (status, calls) == (1, ["list", "download"])
    assert (tmp_path / "there" / "x-2026.11.0+cpu.whl").read_text() == "wheel"


def test_a_release_that_cannot_be_looked_up_is_not_made_twice(publish, tmp_path):
    (tmp_path / "fails").touch()
    assert publish() == (4, ["list"])


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


@pytest.mark.parametrize(
    ("status", "ends_with", "said"), [(0, 0, ""), (2, 0, "branch=llama-cpp-9.9.9\n"), (128, 128, "")]
)
def test_a_pin_is_proposed_where_there_is_no_branch_of_it_and_no_doubt(tmp_path, status, ends_with, said):
    step = step_of("pin", "llama_cpp/move", "git ls-remote")
    pin = tmp_path / "native" / "cmake" / "llama_cpp_pin.cmake"
    pin.parent.mkdir(parents=True)
    pin.write_text('set(LLAMA_CPP_SDIST_VERSION "9.9.9")\n')
    wanted = "--exit-code origin refs/heads/llama-cpp-9.9.9"
    git = f'case "$1" in diff) echo changed ;; ls-remote) [ "${{*:2}}" = "{wanted}" ] || exit 9; exit {status} ;; esac'
    result = run_script(step["script"], tmp_path, {}, {".venv/bin/nox": "echo moved", "git": git})
    assert (result.returncode, (tmp_path / "output").read_text()) == (ends_with, said)


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
