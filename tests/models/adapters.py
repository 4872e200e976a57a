"""Tiny adapters (LoRA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.llama import EMBEDDING
from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter


def _write(writer: GGUFWriter, weights: Weights) -> None:
    rank = 4
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for layer in range(2):
        weights.add(f"blk.{layer}.attn_q.weight.lora_a", rank, EMBEDDING)
        weights.add(f"blk.{layer}.attn_q.weight.lora_b", EMBEDDING, rank)


TINY_LORA = TinyModel("tiny-lora", "llama", _write, seed=4)
"""An adapter for TINY. It proves that an adapter is applied, and by its scale: the greedy text is another one."""
