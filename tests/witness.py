"""Chats with the model of the tests that says what it is sent (``models.TINY_WITNESS``)."""

from __future__ import annotations

from typing import Any

import pytest

import xllamacpp as xlc
from doors import Door

TEXT = {"type": "text", "text": "What?"}
"""dict: the part of a message that asks."""

NOTHING = "I see nothing, and hear no tone."
"""str: what it says where nothing was sent."""


def chat(door: Door, *content: object, **options: Any) -> str:
    """Ask in a chat, and return what the model says."""
    messages = [{"role": "user", "content": [*content, TEXT]}]
    (choice,) = door.ask("/v1/chat/completions", {"messages": messages, "max_tokens": 24, **options})["choices"]
    return str(choice["message"]["content"])


def refusal(door: Door, *content: object) -> tuple[int, str]:
    """Ask what has to be refused; return the status and what is said."""
    with pytest.raises(xlc.RequestError) as caught:
        chat(door, *content)
    return caught.value.status, str(caught.value)
