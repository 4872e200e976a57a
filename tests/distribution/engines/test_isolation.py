"""Isolated commands: found again by an argument, and their control groups removed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engines.isolation import find_isolated, isolated, remove_control_groups


@pytest.mark.parametrize("ends_with_caller", [True, False])
def test_the_command_is_the_last_part_of_what_is_run(ends_with_caller):
    command = isolated(["dockerd", "--help"], ends_with_caller=ends_with_caller)
    assert command[-3:] == ["--", "dockerd", "--help"]
    assert ("--pdeathsig" in command) == ends_with_caller
    assert {"--pid", "--mount", "--kill-child"} <= set(command)


@pytest.mark.parametrize(("name", "is_found"), [("unshare", True), ("setpriv", True), ("python", False)])
def test_it_is_found_by_an_argument_of_its_own(name, is_found, tmp_path):
    argument = str(tmp_path / "daemon.json")
    code = "print(flush=True); import time; time.sleep(60)"
    command = [name, "-c", code, argument]
    with subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            assert find_isolated(argument) == (process.pid if is_found else None)
            # Not by a part of one: another engine's folder may begin in the same way.
            assert find_isolated(argument[:-1]) is None
        finally:
            process.kill()
    assert find_isolated(argument) is None


def test_control_groups_go_in_each_hierarchy_and_others_stay(tmp_path):
    for hierarchy in (tmp_path, tmp_path / "memory"):
        for group in ("xlc-1/buildkit", "xlc-1/container", "xlc-2", "docker"):
            (hierarchy / group).mkdir(parents=True)
    remove_control_groups("xlc-1", tmp_path)
    assert not list(tmp_path.rglob("xlc-1"))
    assert len(list(tmp_path.rglob("xlc-2"))) == len(list(tmp_path.rglob("docker"))) == 2
