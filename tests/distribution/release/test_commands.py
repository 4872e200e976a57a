"""`nox -s release` as a person types it."""

from __future__ import annotations

import json
import tomllib

import pytest

from release import commands
from release.changelog import section
from release_checkouts import DIGEST, add_fragment, commit, edit, make_checkout

VERSION = "2026.11.0"


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


def test_what_stands_on_an_unpinned_base_is_not_built_for_a_release(run, root):
    edit(root / "matrix.yaml", f"digest: {DIGEST}", "digest: null")
    commit(root)
    for command in (("wheels",), ("images", "--registry", "registry.example/x")):
        said = run(command[0], VERSION, "--row", "cpu", *command[1:], status=1)
        assert "cpu-generic: debian:bookworm-slim is not pinned by a digest" in said


def test_a_wheel_that_is_not_there_is_named(run, root):
    said = run("wheels", VERSION, "--row", "cpu", "--from", str(root), status=1)
    assert "has to have one wheel of cpu-generic, 2026.11.0+cpu: it has no such file" in said


def test_the_help_says_how_it_goes(run):
    said = run("--help")
    steps = ("prepare", "check", "wheels", "images", "index", "promote")
    for command in steps:
        assert "Usage" in run(command, "--help")
        assert f"nox -s release -- {command} " in said or command == "check"
    listed = said.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in listed) == steps
    assert not [line for line in listed if line.endswith("...")]


def test_the_first_release_has_no_ledger_yet(run, root):
    said = run(VERSION, "--ledger", str(root / "ledger.json"))
    assert "ledger.json: before the first release that is right, and `index` begins one" in said
