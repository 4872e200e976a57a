"""Models that chat as a script has them: one thinks before it answers, one calls tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.script import ANYTHING, END, IF_NOTICED, NOTICED, SURE, Script, in_turn
from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

_THOUGHT = ("The", " question", " is", " easy", ",", " so", " I", " think", " briefly", ".")
_AFTER_A_THOUGHT = ("It", " was", " forty", "-", "two", "!")

_REASONING = Script(
    template=(
        "{%- for message in messages -%}"
        "{{- '<|' + message.role + '|>' -}}"
        "{%- if message.reasoning_content -%}{{- '<think>' + message.reasoning_content + '</think>' -}}{%- endif -%}"
        "{{- message.content + '</s>' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}"
        "{{- '<|assistant|>' -}}"
        "{%- if enable_thinking is defined and not enable_thinking -%}{{- '<think></think>' -}}{%- endif -%}"
        "{%- endif -%}"
    ),
    follows={
        **in_turn("<|assistant|>", "<think>", *_THOUGHT, "</think>", *_AFTER_A_THOUGHT, END),
        **in_turn(ANYTHING, _AFTER_A_THOUGHT[0]),
    },
)


def _write_reasoning(writer: GGUFWriter, _: Weights) -> None:
    _REASONING.write(writer)


TINY_REASONING = TinyModel("tiny-reasoning", "llama", _write_reasoning, seed=0)
"""A model that thinks "The question is easy, so I think briefly.", in ten tokens, and answers "It was forty-two!".

It opens its thought by itself; with ``enable_thinking`` false its template has closed one before it begins. It proves
how thought and answer are told apart, and what a budget does. It hears no question: it always thinks the same.
"""

_CALLS = (
    *("<tool_calls>", "[", '{"name": "', "get_weather", '", "arguments": {"', "city", '": "', "Paris", '"}}'),
    *(', {"name": "get_', 'weather", ', '"arguments": ', '{"city": "Os', 'lo"}}', "]", "</tool_calls>"),
)
_WITHOUT_A_CALL = ("It", " is", " sunny", ".")

_TOOLS = Script(
    template=(
        "{%- if tools -%}{{- '<|tools|>' + tools | tojson + '</s>' -}}{%- endif -%}"
        "{%- for message in messages -%}"
        "{{- '<|' + message.role + '|>' + (message.content or '') -}}"
        "{%- for call in message.tool_calls or [] -%}"
        "{{- '<tool_calls>[' if loop.first else ', ' -}}"
        "{{- '{\"name\": ' + call.function.name | tojson -}}"
        "{{- ', \"arguments\": ' + call.function.arguments | tojson + '}' -}}"
        "{{- ']</tool_calls>' if loop.last -}}"
        "{%- endfor -%}"
        "{{- '</s>' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
    ),
    follows={
        "<|assistant|>": {_WITHOUT_A_CALL[0]: SURE, _CALLS[0]: IF_NOTICED[0]},
        **in_turn(*_CALLS, END),
        **in_turn(*_WITHOUT_A_CALL, END),
        **in_turn(ANYTHING, _WITHOUT_A_CALL[0]),
    },
    notices={"<|tools|>": {_CALLS[0]: NOTICED}, "<|tool|>": {_CALLS[0]: -NOTICED}},
)


def _write_tools(writer: GGUFWriter, _: Weights) -> None:
    _TOOLS.write(writer)


TINY_TOOLS = TinyModel("tiny-tools", "llama", _write_tools, seed=0)
"""A model that, given tools, calls ``get_weather(city="Paris")`` and ``get_weather(city="Oslo")`` in one answer.

Given no tools, or once it has a tool's result, it answers "It is sunny.". It proves that tools reach the model, how
calls are told from text, how many are allowed, and that a result comes back to it. It hears no question and reads no
tool, so a test has to offer that one.

Its calls stand in one list, since llama.cpp lets through but one of them without ``parallel_tool_calls`` only so; where
each call has tags of its own it lets through any number. The demo model cannot stand in for it. Its own template has no
tools, and llama.cpp then answers as if there were none, with ``tool_choice`` "required" too. Given a template that has
them, it chooses badly: what it can show is that a call is forced (SMOLLM2_ACTIONS).
"""
