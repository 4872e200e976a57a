"""``xllamacpp rm``; what it removes is in tests/python/test_model_cache.py."""

from __future__ import annotations

import pytest

from hub_server import Repository
from xllamacpp.models import resolve


@pytest.fixture
def path(hub):
    hub.repositories["org/repo"] = Repository({"m-Q4_K_M.gguf": b"GGUF" + bytes(2_000_000)})
    return resolve("org/repo")


def test_yes_removes_without_asking(run, path):
    result = run("rm", "--yes", "org/repo:Q4_K_M")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "removed org/repo:Q4_K_M (2 MB)\n"
    assert not path.exists()


def test_nobody_to_ask_means_no(run, path):
    result = run("rm", "org/repo")
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert path.exists()


@pytest.mark.parametrize(("answer", "is_left"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_a_terminal_is_asked(open_terminal, path, answer, is_left):
    terminal = open_terminal("rm", "org/repo")
    shown = terminal.expect("Remove this? [y/N]")
    assert "org/repo  2 MB" in shown
    terminal.press(answer)
    assert terminal.wait() == (1 if is_left else 0)
    assert path.exists() == is_left


def test_one_name_that_is_wrong_removes_nothing(run, path):
    result = run("rm", "--yes", "org/repo", "org/other")
    assert result.returncode == 3
    assert result.stderr.startswith("Error: there is no model org/other in the cache")
    assert path.exists()
