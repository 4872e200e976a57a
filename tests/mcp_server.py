"""A server of tools in the way of MCP, on its standard streams: it is run as a program.

Its tools: ``shout`` answers with a text in capitals; ``wait`` makes the file that its text names, and never answers.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_TOOLS = [
    {"name": "shout", "description": "Says it louder.", "inputSchema": _TEXT},
    {"name": "wait", "description": "Takes for ever.", "inputSchema": _TEXT},
]


def _result(method: str, params: dict) -> dict:
    if method == "initialize":
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "t", "version": "1"}}
    if method == "tools/list":
        return {"tools": _TOOLS}
    if params["name"] == "wait":
        Path(params["arguments"]["text"]).touch()
        threading.Event().wait()
    return {"content": [{"type": "text", "text": params["arguments"]["text"].upper()}]}


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            answer = {
                "jsonrpc": "2.0",
                "id": message["id"],
                "result": _result(message["method"], message.get("params", {})),
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
