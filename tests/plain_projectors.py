"""Projectors that put no token around an image, and that have it seen at once, as some real ones do.

They prove what becomes of such an image, not that anything is recognised in it: their numbers are random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

_INNER = 8
_OUTER = 64


def _write_encoder(writer: GGUFWriter, weights: Weights, kind: str, size: int, patch: int) -> None:
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_vision_projector_type(kind)
    writer.add_vision_image_size(size)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(_INNER)
    writer.add_vision_feed_forward_length(2 * _INNER)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(1)
    writer.add_vision_projection_dim(_OUTER)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)
    weights.add("v.patch_embd.weight", _INNER, 3, patch, patch)
    weights.add("v.position_embd.weight", (size // patch) ** 2, _INNER)
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        weights.add(f"v.blk.0.{part}.weight", _INNER, _INNER)
        weights.add(f"v.blk.0.{part}.bias", _INNER)
    for part in ("ln1", "ln2"):
        weights.add(f"v.blk.0.{part}.weight", _INNER, around=1)
        weights.add(f"v.blk.0.{part}.bias", _INNER)
    weights.add("v.blk.0.ffn_up.weight", 2 * _INNER, _INNER)
    weights.add("v.blk.0.ffn_up.bias", 2 * _INNER)
    weights.add("v.blk.0.ffn_down.weight", _INNER, 2 * _INNER)
    weights.add("v.blk.0.ffn_down.bias", _INNER)


def _write_bare(writer: GGUFWriter, weights: Weights) -> None:
    _write_encoder(writer, weights, "mlp", size=64, patch=32)
    weights.add("mm.0.weight", _OUTER, _INNER)
    weights.add("mm.0.bias", _OUTER)
    weights.add("mm.2.weight", _OUTER, _OUTER)
    weights.add("mm.2.bias", _OUTER)


def _write_whole(writer: GGUFWriter, weights: Weights) -> None:
    _write_encoder(writer, weights, "gemma3", size=64, patch=4)
    weights.add("mm.input_projection.weight", _INNER, _OUTER)
    weights.add("mm.soft_emb_norm.weight", _INNER, around=1)


TINY_BARE_VISION = TinyModel("tiny-bare-vision", "clip", _write_bare, seed=11)
"""A projector of the kind of LLaVA: an image is 4 tokens, and nothing stands before or after them."""

TINY_WHOLE_VISION = TinyModel("tiny-whole-vision", "clip", _write_whole, seed=12)
"""A projector of the kind of Gemma 3: an image is 16 tokens, and each of them looks at all of them."""
