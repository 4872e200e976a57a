"""What goes with SmolLM2, the demo model: a draft made of it, an adapter, and a template with tools."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.writing import DerivedModel, TinyModel, Weights
from xllamacpp.models import KNOWN

if TYPE_CHECKING:
    from gguf import GGUFWriter

_LAYERS = 30
_DROPPED = range(13, 17)


def _write_draft(writer: GGUFWriter, whole: Path) -> None:
    from gguf import GGUFReader

    reader = GGUFReader(whole)
    for field in reader.fields.values():
        if field.name == "llama.block_count":
            writer.add_block_count(_LAYERS - len(_DROPPED))
        # The writer has its own.
        elif not field.name.startswith("GGUF.") and field.name != "general.architecture":
            writer.add_key_value(field.name, field.contents(), field.types[0], _type_of_elements(field.types))
    for tensor in reader.tensors:
        if name := _renumbered(tensor.name):
            writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)


def _type_of_elements(types: list[Any]) -> Any:
    return types[-1] if len(types) > 1 else None


def _renumbered(name: str) -> str | None:
    """Return what a tensor is called when its layer has moved up, or None if it is left out."""
    match = re.match(r"blk\.(\d+)\.", name)
    if not match or int(match[1]) < _DROPPED.start:
        return name
    if int(match[1]) in _DROPPED:
        return None
    return f"blk.{int(match[1]) - len(_DROPPED)}.{name[match.end() :]}"


def _write_lora(writer: GGUFWriter, weights: Weights) -> None:
    rank, embedding = 4, 576
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for layer in range(_LAYERS):
        weights.add(f"blk.{layer}.attn_q.weight.lora_a", rank, embedding, scale=0.05)
        weights.add(f"blk.{layer}.attn_q.weight.lora_b", embedding, rank, scale=0.05)


SMOLLM2_DRAFT = DerivedModel("smollm2-draft", "llama", _write_draft, (KNOWN["demo"],))
"""SmolLM2 without four of its thirty layers, from the middle: a draft for the demo model.

It proves that drafting leaves the greedy text as it was, and that a real draft is right: four times in ten.
It proves nothing about speed: it is hardly smaller than its model.
"""

SMOLLM2_LORA = TinyModel("smollm2-lora", "llama", _write_lora, seed=8)
"""An adapter for SmolLM2, of random numbers so small that the model still writes English.

It proves on a real model that an adapter counts, and by its scale: the text is another one. It was trained for nothing.
"""

SMOLLM2_TOOLS = """\
{%- if tools -%}
{{- '<|im_start|>system\n# Tools\n' + tools | tojson -}}
{{- '\nCall one so: <tool_call>{"name": ..., "arguments": {...}}</tool_call><|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\n' + (message.content or '') -}}
{%- for call in message.tool_calls or [] -%}
{{- '<tool_call>{"name": ' + call.function.name | tojson -}}
{{- ', "arguments": ' + call.function.arguments | tojson + '}</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
"""
"""str: a chat template for the demo model that has tools, for ``params.chat_template``.

It proves that the schemas of tools reach the maker of the grammar. It does not make the model call any: it was not
trained to, and llama.cpp lets any text come before a call, with ``tool_choice`` "required" too.
"""

SMOLLM2_ACTIONS = """\
{%- if tools -%}
{{- '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + tools | tojson + '<|END_OF_TURN_TOKEN|><|im_end|>' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|START_OF_TURN_TOKEN|>' -}}
{%- if message.role != 'assistant' -%}
{{- '<|USER_TOKEN|>' + message.content -}}
{%- else -%}
{{- '<|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|>' -}}
{%- if message.tool_calls -%}
{{- '<|START_ACTION|>[' -}}
{%- for call in message.tool_calls -%}
{{- '{"tool_call_id": "' + loop.index0 | string + '", "tool_name": ' + call.function.name | tojson -}}
{{- ', "parameters": ' + call.function.arguments | tojson + '}' + ('' if loop.last else ', ') -}}
{%- endfor -%}
{{- ']<|END_ACTION|>' -}}
{%- else -%}
{{- '<|START_TEXT|>' + message.content + '<|END_TEXT|>' -}}
{%- endif -%}
{%- endif -%}
{{- '<|END_OF_TURN_TOKEN|><|im_end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|>' -}}
{%- endif -%}
"""
"""str: a chat template for the demo model in the form of Cohere's, where an answer is a text or a list of calls.

In this form llama.cpp lets no text come before a call that is required, so it proves on a real model that a call is
forced, how many are, and that the arguments follow the schema of the tool. The model still writes the rest: without an
example of a call in the chat it never ends the id.
"""
