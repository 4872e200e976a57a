"""The paths that write a text, behind one face: what is asked of one can be asked of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
COMPLETION = "/completion"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"


def asking(path: str, prompt: str, tokens: int, **options: Any) -> dict[str, Any]:
    """Write a request for a path: greedy, with this many tokens at most."""
    messages = [{"role": "user", "content": prompt}]
    body: dict[str, Any]
    match path:
        case "/v1/chat/completions" | "/v1/messages":
            body = {"messages": messages, "max_tokens": tokens}
        case "/v1/responses":
            body = {"input": prompt, "max_output_tokens": tokens}
        case _:
            body = {"prompt": prompt, "max_tokens" if path == COMPLETIONS else "n_predict": tokens}
    return {**body, "temperature": 0, **options}


def text_of(path: str, answer: Mapping[str, Any]) -> str:
    """Return the text of a whole answer."""
    match path:
        case "/v1/chat/completions":
            (choice,) = answer["choices"]
            return str(choice["message"]["content"])
        case "/v1/completions":
            (choice,) = answer["choices"]
            return str(choice["text"])
        case "/v1/responses":
            (item,) = answer["output"]
            return "".join(part["text"] for part in item["content"])
        case _:
            return str(answer["content"])


def joined(path: str, chunks: Iterable[Mapping[str, Any]]) -> str:
    """Put the chunks of a streamed answer together, and return its text."""
    return "".join(_piece(path, chunk) for chunk in chunks)


def _piece(path: str, chunk: Mapping[str, Any]) -> str:
    match path:
        case "/v1/chat/completions":
            return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
        case "/v1/completions":
            return "".join(choice["text"] for choice in chunk["choices"])
        case "/v1/responses":
            return str(chunk["delta"]) if chunk["type"] == "response.output_text.delta" else ""
        case _:
            return str(chunk["content"])
