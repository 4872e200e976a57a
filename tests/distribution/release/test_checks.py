"""What a release is held against: each mistake is found, and what is left to do is said."""

from __future__ import annotations

import dataclasses
import re
import shutil
from types import SimpleNamespace

import pytest

from index.ledger import Ledger, ReleasedFile
from matrix import FILE, MatrixError
from release import checks, images, reports
from release.folder import ReleasedImage, ReleasedWheel, ReleaseError, sha256_of
from release.release import Release
from release_checkouts import add_fragment, add_report, commit, edit, git, make_checkout

VERSION = "2026.11.0"
ROW = "cpu-generic"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_checkout(tmp_path_factory.mktemp("checkout") / "ready", VERSION)


@pytest.fixture
def root(made, tmp_path):
    """A checkout that a release could be made of, to do something to."""
    return shutil.copytree(made, tmp_path / "root")


def by_state(findings):
    found = {"ok": [], "remains": [], "WRONG": []}
    for finding in findings:
        found[finding.state].append(finding)
    return found


def test_nothing_is_wrong_with_one_that_is_ready(root):
    found = by_state(checks.of_the_checkout(Release.of(root, VERSION)))
    assert found["WRONG"] == []
    assert [finding.what for finding in found["remains"]] == ["tag"]
    git(root, "tag", f"v{VERSION}")
    assert by_state(checks.of_the_checkout(Release.of(root, VERSION)))["remains"] == []


def another_branch(root):
    git(root, "switch", "--quiet", "--create", "topic")
    add_fragment(root, "../docs/more.md", "more")
    commit(root)


def tag_elsewhere(root):
    git(root, "tag", f"v{VERSION}")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Later")


def committed(change):
    def run(root):
        change(root)
        commit(root)

    return run


# What is done to it, what it is about, and what is said.
MISTAKES = {
    "a file that is not committed": (lambda root: (root / "new.py").touch(), "commit", r"not as it has them: new\.py"),
    "another branch": (another_branch, "commit", "not on the branch main"),
    "a fragment": (
        committed(lambda root: add_fragment(root, "+late.fixed.md", "Late.")),
        "changelog",
        r"does not have what is in changelog\.d/\+late\.fixed\.md: nox -s release -- prepare",
    ),
    "no section": (
        committed(lambda root: edit(root / "CHANGELOG.md", r"^## .*$", "## 2026.10.0 (2026-10-01)")),
        "changelog",
        r"does not say what changed in 2026\.11\.0",
    ),
    "an edited file": (
        committed(lambda root: edit(root / "compose.yaml", "VERSION: .*", "VERSION: 1")),
        "matrix",
        r"not as matrix\.yaml makes them: compose\.yaml",
    ),
    "an unpinned base": (
        committed(lambda root: edit(root / FILE, r"(name: debian:trixie-slim\n +)digest: .*", r"\1digest: null")),
        "bases",
        r"debian:trixie-slim is not pinned, of vulkan",
    ),
    "no site": (committed(lambda root: edit(root / FILE, "^site: .*", "site: null")), "site", "has no site yet"),
    "the tag elsewhere": (tag_elsewhere, "tag", "is on another commit"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_wrong_for_a_release_and_is_told_to_a_rehearsal(root, mistake):
    change, what, said = mistake
    change(root)
    wrong = by_state(checks.of_the_checkout(Release.of(root, VERSION)))["WRONG"]
    # Some change a file that others are made of.
    (finding,) = [finding for finding in wrong if finding.what == what]
    assert re.search(said, finding.text)
    rehearsed = by_state(checks.of_the_checkout(Release.of(root, VERSION, rehearsal=True)))
    assert rehearsed["WRONG"] == []
    assert finding.text in [other.text for other in rehearsed["remains"]]


def test_what_is_no_release_is_refused(root):
    with pytest.raises(ReleaseError, match=r"2026\.13\.0: it has to be the year, the month and a number"):
        Release.of(root, "2026.13.0")
    with pytest.raises(ReleaseError, match=r"pyproject\.toml has the version 2026\.11\.0: .*prepare 2026\.12\.0"):
        Release.of(root, "2026.12.0")
    with pytest.raises(ReleaseError, match="cpu-native is not released: it may not start on another processor"):
        Release.of(root, VERSION, rows=["cpu-native"])
    with pytest.raises(MatrixError, match="Did you mean cpu-generic"):
        Release.of(root, VERSION, rows=["cpu-generc"])


# The folder


def add_parts(release, revision):
    folder, file = release.folder, f"xllamacpp-{VERSION}+cpu-cp311-abi3-manylinux_2_31_x86_64.whl"
    folder.write(file, b"wheel")
    wheel = ReleasedWheel(ROW, revision, release.rehearsal, file, sha256_of(folder.path / file), 5)
    folder.record(wheel)
    add_report(folder.path, wheel)
    tag = release.image_tag(release.rows[0])
    folder.record(ReleasedImage(ROW, revision, release.rehearsal, "registry.example/x", tag, "sha256:1", "debian"))
    return wheel


def test_the_folder_tells_which_rows_are_done(root):
    found = by_state(checks.of_the_folder(Release.of(root, VERSION)))
    assert found["ok"] == found["WRONG"] == []
    told = [finding.text for finding in found["remains"]]
    assert f"{ROW}: nox -s release -- wheels {VERSION} --row {ROW}" in told
    assert f"{ROW}: nox -s release -- images {VERSION} --row {ROW} --registry HOST/NAME" in told
    release = Release.of(root, VERSION, rows=["cpu"])
    wheel = add_parts(release, git(root, "rev-parse", "HEAD"))
    found = by_state(checks.of_the_folder(release))
    assert [finding.what for finding in found["ok"]] == ["wheel", "gates", "image"]
    assert found["remains"] == found["WRONG"] == []
    (release.folder.path / wheel.file).write_bytes(b"other")
    (wrong,) = by_state(checks.of_the_folder(release))["WRONG"]
    assert "is not the file that passed the gates" in wrong.text


def test_a_row_of_another_commit_is_wrong(root):
    release = Release.of(root, VERSION, rows=[ROW])
    add_parts(release, "0" * 40)
    wrong = by_state(checks.of_the_folder(release))["WRONG"]
    assert [finding.what for finding in wrong] == ["wheel", "image"]
    assert all("which is not the commit here" in finding.text for finding in wrong)


def test_a_wheel_that_nobody_has_run_remains_to_be_run(root):
    release = Release.of(root, VERSION, rows=[ROW])
    wheel, folder = add_parts(release, git(root, "rev-parse", "HEAD")), release.folder.path
    # As `wheels` leaves it.
    report = add_report(folder, wheel, without=("reproducible", "clean roots"))
    (left,) = by_state(checks.of_the_folder(release))["remains"]
    assert left.text.startswith(f"{ROW}: not held against reproducible and clean roots yet")
    assert left.text.endswith(f'nox -s "wheel_check({ROW})" -- --against {folder / wheel.file} --json {report}')


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder, wheel: add_report(folder, wheel, failed=("clean roots",)), "does not pass clean roots"),
        (
            lambda folder, wheel: add_report(folder, dataclasses.replace(wheel, sha256="0" * 64)),
            "is no report of xllamacpp-.*, sha256 ",
        ),
        (lambda folder, wheel: reports.path(folder, ROW).write_text("[]"), "is no report of"),
        (lambda folder, wheel: reports.path(folder, ROW).write_text('{"gates": [{}]}'), "is no report of"),
        (lambda folder, wheel: reports.path(folder, ROW).unlink(), "is no report of"),
    ],
    ids=["failed", "another wheel", "no object", "half an object", "none"],
)
def test_a_wheel_without_a_report_of_its_own_is_wrong(root, spoil, said):
    release = Release.of(root, VERSION, rows=[ROW])
    spoil(release.folder.path, add_parts(release, git(root, "rev-parse", "HEAD")))
    (wrong,) = by_state(checks.of_the_folder(release))["WRONG"]
    assert wrong.what == "gates"
    assert re.search(said, wrong.text)


# The registry


@pytest.mark.parametrize(("version", "states"), [(VERSION, ["ok", "remains"]), ("2026.11.1rc1", ["ok"])])
def test_no_tag_is_said_to_have_to_follow_a_candidate(tmp_path, version, states):
    release = Release.of(make_checkout(tmp_path / "root", version), version, rows=[ROW])
    add_parts(release, git(release.root, "rev-parse", "HEAD"))
    there = {release.image_tag(release.rows[0]): SimpleNamespace(digest="sha256:1")}
    repository = SimpleNamespace(name="registry.example/x", manifest=there.get)
    assert [finding.state for finding in images.of_the_registry(release, repository)] == states


# The ledger


def record(wheel, **given):
    url = f"https://files.example/{wheel.file}"
    fields = {"upload_time": "2026-11-26T10:00:00Z", "requires_python": ">=3.11", "metadata_sha256": "b" * 64}
    values = {"file": wheel.file, "url": url, "sha256": wheel.sha256, "size": wheel.size, "row": wheel.row}
    return ReleasedFile(**{**values, **fields, **given})


def test_a_version_is_newer_than_what_was_released_or_the_very_same(root):
    release = Release.of(root, VERSION, rows=[ROW])
    wheel = add_parts(release, git(root, "rev-parse", "HEAD"))

    def texts(state, *records):
        return [finding.text for finding in by_state(checks.of_the_ledger(release, Ledger(files=records)))[state]]

    older = record(dataclasses.replace(wheel, file=wheel.file.replace(VERSION, "2026.9.5")))
    newer = record(dataclasses.replace(wheel, file=wheel.file.replace(VERSION, "2026.11.1")))
    assert texts("WRONG", older) == []
    assert texts("ok", older) == [f"{VERSION} is newer than all that it has"]
    assert texts("WRONG", older, newer) == ["it has 2026.11.1 already, which is newer: take a higher version"]
    assert texts("ok", record(wheel)) == [f"it has {wheel.file}"]
    assert texts("WRONG", record(wheel, sha256="c" * 64)) == [
        f"{wheel.file} is released as another file: take the next version"
    ]
