"""Tools for requests, in the form of each path, and the calls in answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]


def tool(name: str, parameters: Any, description: str = "") -> Json:
    """Write a tool as /v1/chat/completions has it."""
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def flat(each: Json) -> Json:
    """Write a tool as /v1/responses has it."""
    return {"type": "function", **each["function"]}


def anthropic(each: Json) -> Json:
    """Write a tool as /v1/messages has it."""
    function = each["function"]
    return {"name": function["name"], "description": "", "input_schema": function["parameters"]}


COLOUR = tool(
    "set_colour",
    {
        "type": "object",
        "properties": {
            "colour": {"enum": ["red", "green", "blue"]},
            "level": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "required": ["colour", "level"],
    },
)
STOP = tool("stop", {"type": "object", "properties": {"now": {"type": "boolean"}}, "required": ["now"]})


def message_of(answer: Mapping[str, Any]) -> Json:
    """Return the message of an answer with one choice."""
    (choice,) = answer["choices"]
    message: Json = choice["message"]
    return message


def calls_of(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the names and the arguments of the calls in a message."""
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message["tool_calls"]]


def joined_message(chunks: Iterable[Mapping[str, Any]]) -> Json:
    """Put the deltas of a streamed answer together, as a client does."""
    message: Json = {"content": "", "tool_calls": []}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        message["content"] += delta.get("content") or ""
        for piece in delta.get("tool_calls", []):
            if piece["index"] == len(message["tool_calls"]):
                message["tool_calls"].append({"id": piece["id"], "function": {"name": "", "arguments": ""}})
            function = message["tool_calls"][piece["index"]]["function"]
            for field, text in piece["function"].items():
                function[field] += text
    return message
