"""Tiny causal models in the shape of a llama."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import TYPE_CHECKING

from models.vocabulary import FIRST_BYTE, FIRST_PIECE, add_byte_vocabulary
from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

EMBEDDING = 64
"""int: how many numbers stand for a token."""

_HEADS = 2  # of 32 numbers: one block of a quantised cache
_FEED_FORWARD = 128
_CONTEXT = 512

_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
_PIECES = ("▁", *string.ascii_lowercase, "▁t", "he", "▁the", "in", "▁a", "an", "▁an", "er", "on", "▁o", "re")
_OTHER_PIECES = ("▁", *string.ascii_uppercase, *string.digits)
# Names that llama.cpp does not know: it goes by the metadata then.
_FIM = ("<|before|>", "<|after|>", "<|between|>")


def _writer(pieces: tuple[str, ...] = _PIECES, layers: int = 2) -> Callable[[GGUFWriter, Weights], None]:
    def write(writer: GGUFWriter, weights: Weights) -> None:
        writer.add_block_count(layers)
        writer.add_context_length(_CONTEXT)
        writer.add_embedding_length(EMBEDDING)
        writer.add_feed_forward_length(_FEED_FORWARD)
        writer.add_head_count(_HEADS)
        writer.add_head_count_kv(_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(EMBEDDING // _HEADS)
        tokens = add_byte_vocabulary(writer, pieces)
        writer.add_chat_template(_CHAT_TEMPLATE)

        weights.add("token_embd.weight", tokens, EMBEDDING)
        weights.add("output_norm.weight", EMBEDDING, around=1)
        # Zeros for what is not plain text, so that greedy answers are text and go on for as long as they are asked to.
        control = (FIRST_PIECE + place for place, piece in enumerate(pieces) if piece.startswith("<"))
        no_text = (*range(FIRST_BYTE + 0x20), *range(FIRST_BYTE + 0x7F, FIRST_PIECE), *control)
        weights.add("output.weight", tokens, EMBEDDING, zero=no_text)
        for layer in range(layers):
            block = f"blk.{layer}"
            weights.add(f"{block}.attn_norm.weight", EMBEDDING, around=1)
            for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
                weights.add(f"{block}.{part}.weight", EMBEDDING, EMBEDDING)
            weights.add(f"{block}.ffn_norm.weight", EMBEDDING, around=1)
            weights.add(f"{block}.ffn_gate.weight", _FEED_FORWARD, EMBEDDING)
            weights.add(f"{block}.ffn_up.weight", _FEED_FORWARD, EMBEDDING)
            weights.add(f"{block}.ffn_down.weight", EMBEDDING, _FEED_FORWARD)

    return write


def _write_fim(writer: GGUFWriter, weights: Weights) -> None:
    for place, part in enumerate(("pre", "suf", "mid")):
        writer.add_uint32(f"tokenizer.ggml.fim_{part}_token_id", FIRST_PIECE + len(_PIECES) + place)
    _writer((*_PIECES, *_FIM))(writer, weights)


TINY = TinyModel("tiny", "llama", _writer(), seed=1)
"""A causal model with a chat template, of 2 layers and 297 tokens.

It proves requests, slots, caches, samplers, grammars and limits. It does not follow a prompt, nor end a text by itself.
"""

TINY_DRAFT = TinyModel("tiny-draft", "llama", _writer(layers=1), seed=2)
"""A draft that TINY takes: its vocabulary, 1 layer, other weights.

It proves that drafting runs and leaves the greedy text as it was, not that it saves time: hardly a token is right.
"""

TINY_OTHER_VOCABULARY = TinyModel("tiny-other-vocabulary", "llama", _writer(_OTHER_PIECES), seed=3)
"""TINY with other tokens, and another number of them. It proves what is said of a draft that does not fit."""

TINY_FIM = TinyModel("tiny-fim", "llama", _write_fim, seed=7)
"""TINY with the three tokens that ``/infill`` needs.

It proves that a request is answered, and that what stands before and after the gap counts. What it puts in is noise.
"""
