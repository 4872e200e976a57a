"""``xllamacpp ls``; what it finds is in tests/python/test_model_cache.py."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from hub_server import Repository
from xllamacpp.models import resolve

CONTENT = b"GGUF" + bytes(2_000_000)


@pytest.fixture
def path(hub):
    hub.repositories["org/repo"] = Repository({"m-Q4_K_M.gguf": CONTENT})
    return resolve("org/repo")


def test_a_line_for_each_model(run, path):
    result = run("ls")
    assert result.returncode == 0
    header, line = result.stdout.splitlines()
    assert header.split() == ["NAME", "SIZE", "LAST", "USED", "WHERE"]
    name, size, unit, date, time, where = line.split()
    assert (name, size, unit, where) == ("org/repo:Q4_K_M", "2", "MB", str(path))
    assert datetime.fromisoformat(f"{date} {time}")


def test_json_has_it_all(run, path):
    (model,) = json.loads(run("ls", "--json").stdout)
    assert datetime.fromisoformat(model.pop("used")).tzinfo is not None
    assert model == {"name": "org/repo:Q4_K_M", "size": len(CONTENT), "whole": True, "files": [str(path)]}


def test_an_empty_cache_is_said_to_be(run, hub):
    result = run("ls")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "The cache is empty.\n")
    assert json.loads(run("ls", "--json").stdout) == []
