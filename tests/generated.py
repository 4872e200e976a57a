"""What was generated, whichever route was asked and however it came: as one answer, or in chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from doors import Door


@dataclass(frozen=True)
class Generated:
    """What an answer says.

    Parameters
    ----------
    text : str
        The text.
    thought : str
        What the model thought before it.
    ending : str or None
        Why it ended, in the route's own words.
    """

    text: str
    thought: str = ""
    ending: str | None = None


def generate(opened: Door, path: str, prompt: str, *, is_streamed: bool = False, **options: Any) -> Generated:
    """Ask a route for a text and return what came.

    Parameters
    ----------
    opened : Door
        The way to the server.
    path : str
        One of ``ROUTES``.
    prompt : str
        What is asked, in the form of the route.
    is_streamed : bool
        Whether the answer shall come in chunks.
    **options : object
        The rest of the request.
    """
    ask, whole, streamed = ROUTES[path]
    body = {**ask(prompt), **options}
    return streamed(opened.stream(path, body)) if is_streamed else whole(opened.ask(path, body))


def _native(answer: Any) -> Generated:
    return Generated(answer["content"], ending=answer["stop_type"])


def _native_streamed(chunks: list[Any]) -> Generated:
    return Generated("".join(chunk["content"] for chunk in chunks), ending=chunks[-1]["stop_type"])


def _completion(answer: Any) -> Generated:
    choice = answer["choices"][0]
    return Generated(choice["text"], ending=choice["finish_reason"])


def _completion_streamed(chunks: list[Any]) -> Generated:
    choices = [chunk["choices"][0] for chunk in chunks]
    return Generated("".join(choice["text"] for choice in choices), ending=choices[-1]["finish_reason"])


def _chat(answer: Any) -> Generated:
    choice = answer["choices"][0]
    message = choice["message"]
    return Generated(message["content"], message.get("reasoning_content", ""), choice["finish_reason"])


def _chat_streamed(chunks: list[Any]) -> Generated:
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    deltas = [choice["delta"] for choice in choices]
    return Generated(
        "".join(delta.get("content") or "" for delta in deltas),
        "".join(delta.get("reasoning_content") or "" for delta in deltas),
        choices[-1]["finish_reason"],
    )


def _responses(answer: Any) -> Generated:
    def texts(kind: str) -> str:
        return "".join(part["text"] for item in answer["output"] if item["type"] == kind for part in item["content"])

    return Generated(texts("message"), texts("reasoning"), answer["status"])


def _responses_streamed(events: list[Any]) -> Generated:
    def texts(kind: str) -> str:
        return "".join(event["delta"] for event in events if event["type"] == f"response.{kind}.delta")

    assert events[-1]["type"] == "response.completed"
    generated = Generated(texts("output_text"), texts("reasoning_text"), events[-1]["response"]["status"])
    assert _responses(events[-1]["response"]) == generated
    return generated


def _messages(answer: Any) -> Generated:
    def texts(kind: str) -> str:
        return "".join(block[kind] for block in answer["content"] if block["type"] == kind)

    return Generated(texts("text"), texts("thinking"), answer["stop_reason"])


def _messages_streamed(events: list[Any]) -> Generated:
    def texts(kind: str) -> str:
        return "".join(event.get("delta", {}).get(kind, "") for event in events)

    [ending] = [event["delta"]["stop_reason"] for event in events if event["type"] == "message_delta"]
    return Generated(texts("text"), texts("thinking"), ending)


def _as_prompt(prompt: str) -> dict[str, Any]:
    return {"prompt": prompt}


def _as_input(prompt: str) -> dict[str, Any]:
    return {"input": prompt}


def _as_messages(prompt: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}]}


_Route = tuple[Callable[[str], dict[str, Any]], Callable[[Any], Generated], Callable[[list[Any]], Generated]]

ROUTES: dict[str, _Route] = {
    "/completion": (_as_prompt, _native, _native_streamed),
    "/v1/completions": (_as_prompt, _completion, _completion_streamed),
    "/v1/chat/completions": (_as_messages, _chat, _chat_streamed),
    "/v1/responses": (_as_input, _responses, _responses_streamed),
    "/v1/messages": (_as_messages, _messages, _messages_streamed),
}
"""dict: each route that generates a text: how it is asked, and how its answer is read, whole and in chunks."""

COMPLETIONS = ("/completion", "/v1/completions")
CHATS = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
