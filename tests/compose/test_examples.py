"""What the examples share: they stand on compose.yaml, whichever row is asked for."""

from __future__ import annotations

import re

import pytest

from compose.projects import ROOT, Project
from engines.errors import ComposeError

pytestmark = pytest.mark.docker


def configured(engine, file, **environment):
    return Project(engine, "xllamacpp-test", (file,), (), {"API_KEY_FILE": "/key", **environment}).config()["services"]


@pytest.mark.parametrize("example", ["tls", "monitoring"])
def test_each_row_can_be_the_server(engine, rows, example):
    for row in rows.rows.values():
        own = Project(engine, "xllamacpp-test", (ROOT / "compose.yaml",), (row.name,), {}).config()["services"][
            row.name
        ]
        server = configured(engine, ROOT / "docs" / "examples" / example / "compose.yaml", ROW=row.name)["server"]
        for same in ("image", "build", "user", "read_only", "cap_drop", "mem_limit", "volumes", "devices", "deploy"):
            assert server.get(same) == own.get(same), (row.name, same)
        assert "profiles" not in server


@pytest.mark.parametrize("example", ["tls", "monitoring"])
def test_a_row_that_there_is_not_is_an_error(engine, example):
    with pytest.raises(ComposeError, match="cpu-exotic"):
        configured(engine, ROOT / "docs" / "examples" / example / "compose.yaml", ROW="cpu-exotic")


def test_only_the_monitoring_example_publishes_the_server(engine):
    examples = ROOT / "docs" / "examples"
    published = {
        path.name: configured(engine, path / "compose.yaml")["server"].get("ports") for path in examples.iterdir()
    }
    assert published["tls"] is None
    assert [port["host_ip"] for port in published["monitoring"]] == ["127.0.0.1"]


def test_the_rows_that_the_texts_name_are_there(rows):
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "examples").glob("*/README.md")]
    named = [re.findall(r"ROW=(\S+)", text) for text in texts]
    assert all(named)
    assert {row for found in named for row in found} <= set(rows.rows)
