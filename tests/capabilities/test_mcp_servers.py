"""Tools of MCP servers, which a server starts beside itself."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

import mcp_server
import models
import xllamacpp as xlc

pytestmark = pytest.mark.capability("Tools of the server", "MCP servers: listed and called")

COMMAND = {"command": sys.executable, "args": [str(Path(mcp_server.__file__))], "timeout_ms": 180_000}


@pytest.fixture
def server(params):
    config = json.dumps({"mcpServers": {"own": COMMAND}})
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=128, n_parallel=1, mcp_servers_json=config)) as server:
        yield server


def test_its_tools_are_listed_and_called(server, door):
    opened = door(server)
    tools = {tool["tool"]: tool for tool in opened.ask("/tools")}
    assert {"own_shout", "own_wait"} <= tools.keys()
    answer = opened.ask("/tools", {"tool": "own_shout", "params": {"text": "louder"}})
    assert "LOUDER" in json.dumps(answer)


def test_closing_waits_for_no_tool(server, tmp_path):
    called, answers = tmp_path / "called", []

    def ask():
        try:
            answers.append(server.request("POST", "/tools", {"tool": "own_wait", "params": {"text": str(called)}}))
        except xlc.Error as error:
            answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not called.exists():
        time.sleep(0.05)
    # The tool never answers, and may take three minutes.
    closing = threading.Thread(target=server.close)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()
    asking.join()
    assert len(answers) == 1
