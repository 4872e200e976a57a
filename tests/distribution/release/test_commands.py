"""`nox -s release` as a person types it."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from doctored_wheels import CHECKOUT
from release import commands
from release.changelog import section
from release.folder import ReleasedImage, ReleasedWheel, sha256_of
from release.release import Release
from release_checkouts import DIGEST, add_fragment, commit, edit, git, make_checkout
from wheel_copies import make_wheel

VERSION = "2026.11.0"
TAGS = "cp311-abi3-manylinux_2_31_x86_64"


@pytest.fixture
def root(tmp_path, monkeypatch):
    made = make_checkout(tmp_path / "root", VERSION)
    monkeypatch.setattr(commands, "ROOT", made)
    return made


@pytest.fixture
def run(root, capsys):
    def main(*arguments, status=0):
        assert commands.main(list(arguments)) == status, capsys.readouterr()
        return "".join(capsys.readouterr())

    return main


def test_a_version_alone_is_checked(run, root):
    said = run(VERSION)
    assert said == run("check", VERSION)
    assert "the release has the version v2026.11.0: it has to be the year, the month" in run(f"v{VERSION}", status=1)
    assert "ok      version    2026.11.0" in said
    assert "remains tag        git tag --sign v2026.11.0" in said
    (root / "new").touch()
    said = run(VERSION, status=1)
    assert "WRONG   commit     files are not as it has them: new" in said
    assert "1 wrong" in said
    assert "1 wrong" not in run(VERSION, "--rehearsal")


def test_prepare_writes_the_commit_of_a_release(run, root):
    next_version = "2026.12.0"
    assert "has no fragments: what changed?" in run("prepare", next_version, status=1)
    assert "it has to be the year, the month and a number" in run("prepare", "12.0", status=1)
    add_fragment(root, "+more.added.md", "More.")
    said = run("prepare", next_version)
    assert "compose.yaml" in said
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == next_version
    assert "More." in section(root, next_version)
    assert f"VERSION: {next_version}" in (root / "compose.yaml").read_text()
    assert (
        json.loads((root / "Dockerfiles/docker-bake.json").read_text())["variable"]["VERSION"]["default"]
        == next_version
    )
    assert said == run("prepare", next_version)
    commit(root)
    assert "0 wrong" in run(next_version)


def test_what_is_not_as_the_commit_has_it_is_not_released(run, root):
    (root / "new").touch()
    for command in (("wheels", "--from", str(root)), ("images", "--registry", "registry.example/x")):
        assert "files are not as the commit has them" in run(command[0], VERSION, *command[1:], status=1)
    assert not (root / "build").exists()


def test_nothing_that_the_docs_have_written_is_in_the_commits_way():
    docs = (CHECKOUT / "docs" / "releasing.md").read_text(encoding="utf-8")
    (commands,) = [text for text in docs.split("```") if "release -- promote" in text]
    written = re.findall(r"(?:extras|-o|--ledger|--lock|--site|--to|--json) ([^\s\\]+)", commands)
    assert len(written) == 8
    # Git leaves build/ out.
    assert {Path(path).parts[0] for path in written} == {"build"}


def test_what_stands_on_an_unpinned_base_is_not_built_for_a_release(run, root):
    edit(root / "matrix.yaml", f"digest: {DIGEST}", "digest: null")
    commit(root)
    for command in (("wheels",), ("images", "--registry", "registry.example/x")):
        said = run(command[0], VERSION, "--row", "cpu", *command[1:], status=1)
        assert "cpu-generic: debian:bookworm-slim, debian:bullseye-slim is not pinned by a digest" in said


def test_a_wheel_that_is_not_there_is_named(run, root):
    said = run("wheels", VERSION, "--row", "cpu", "--from", str(root), status=1)
    assert "has to have one wheel of cpu-generic, 2026.11.0+cpu: it has no such file" in said


def test_the_help_says_how_it_goes(run):
    said = run("--help")
    steps = ("prepare", "check", "wheels", "images", "index", "notes", "promote")
    for command in steps:
        assert "Usage" in run(command, "--help")
        assert f"nox -s release -- {command} " in said or command == "check"
    listed = said.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in listed) == steps
    assert not [line for line in listed if line.endswith("...")]


def test_the_notes_are_what_the_changelog_says(run, root, tmp_path):
    notes = tmp_path / "notes.md"
    run("notes", VERSION, "--to", str(notes))
    assert notes.read_text() == f"{section(root, VERSION)}\n"
    assert "All of it." in notes.read_text()
    edit(root / "CHANGELOG.md", "^## .*$", "## 2026.10.0 (2026-10-01)")
    assert "does not say what changed in 2026.11.0" in run("notes", VERSION, "--to", str(notes), status=1)


def test_an_image_with_another_wheel_than_the_released_one_is_not_pushed(run, root, monkeypatch):
    row = "cpu-generic"
    version, pushed = f"{VERSION}+cpu", []
    folder = Release.of(root, VERSION).folder
    released = make_wheel(folder.path, "xllamacpp", version, tags=TAGS)
    revision = git(root, "rev-parse", "HEAD")
    folder.record(ReleasedWheel(row, revision, False, released.name, sha256_of(released), released.stat().st_size))

    def build_one(home):
        monkeypatch.setattr(
            commands.image_builds,
            "export_wheel",
            lambda engine, root, row, place: make_wheel(
                place, "xllamacpp", version, tags=TAGS, metadata=[f"Home-page: {home}"] if home else []
            ),
        )
        return "images", VERSION, "--row", row, "--registry", "registry.example/x"

    monkeypatch.setattr(commands.available, "engine", contextlib.nullcontext)
    monkeypatch.setattr(commands.image_builds, "build", lambda engine, root, row: row.name)
    monkeypatch.setattr(commands.release_images, "push", lambda release, engine, row, image, to: pushed.append(image))
    said = run(*build_one("https://other.example"), status=1)
    assert f"the image of {row} has a wheel of its own, sha256 " in said
    assert f"released is {released.name}, sha256 {sha256_of(released)}" in said
    assert pushed == []
    run(*build_one(None))
    assert pushed == [row]
    # Where the wheel is made elsewhere, the folders are joined later.
    (folder.path / f"wheel-{row}.json").unlink()
    run(*build_one("https://other.example"))
    assert pushed == [row, row]


def test_tags_do_not_follow_an_image_of_another_commit(run, root):
    digest = f"sha256:{'1' * 64}"
    image = ReleasedImage("cpu-generic", "0" * 40, False, "registry.example/x", f"{VERSION}-cpu", digest, "debian")
    Release.of(root, VERSION).folder.record(image)
    said = run("promote", VERSION, "--row", "cpu", "--registry", "registry.example/x", status=1)
    assert f"cpu-generic: of {'0' * 40}, which is not the commit here" in said


def test_the_first_release_has_no_ledger_yet(run, root):
    said = run(VERSION, "--ledger", str(root / "ledger.json"))
    assert "ledger.json: before the first release that is right, and `index` begins one" in said
