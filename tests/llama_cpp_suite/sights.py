"""What a stand-in sees with, and what there is to see."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from llama_cpp_suite.stories import EMBEDDING

_INNER = 32
_SIZE, _PATCH = 64, 8


def write_projector(path: Path) -> None:
    """Write a projector of Gemma 3's kind, of random numbers: an image is 16 tokens."""
    from gguf import GGUFWriter
    from numpy import ones, zeros
    from numpy.random import RandomState

    random = RandomState(7)
    writer = GGUFWriter(path, "clip")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("gemma3")
    writer.add_vision_use_gelu(True)
    writer.add_vision_image_size(_SIZE)
    writer.add_vision_patch_size(_PATCH)
    writer.add_vision_projector_scale_factor(2)
    writer.add_vision_embedding_length(_INNER)
    writer.add_vision_feed_forward_length(2 * _INNER)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(1)
    writer.add_vision_projection_dim(EMBEDDING)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)

    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (_INNER, 3, _PATCH, _PATCH),
        "v.position_embd.weight": ((_SIZE // _PATCH) ** 2, _INNER),
        "mm.input_projection.weight": (_INNER, EMBEDDING),
        **{f"v.blk.0.{part}.weight": (_INNER, _INNER) for part in ("attn_q", "attn_k", "attn_v", "attn_out")},
        "v.blk.0.ffn_up.weight": (2 * _INNER, _INNER),
        "v.blk.0.ffn_down.weight": (_INNER, 2 * _INNER),
    }
    tensors = {name: 0.3 * random.standard_normal(shape) for name, shape in shapes.items()}
    tensors |= {f"{norm}.weight": ones(_INNER) for norm in ("v.blk.0.ln1", "v.blk.0.ln2", "v.post_ln")}
    tensors |= {f"{norm}.bias": zeros(_INNER) for norm in ("v.blk.0.ln1", "v.blk.0.ln2", "v.post_ln")}
    tensors["mm.soft_emb_norm.weight"] = ones(_INNER)
    for name, values in tensors.items():
        writer.add_tensor(name, values.astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def png(colour: int) -> bytes:
    """Make a picture: stripes, of one red, green and blue where `colour` is not."""
    size = _SIZE
    rows = (bytes((*(64 * (place // 8 % 4) if part != colour else 255 for part in range(3)),)) for place in range(size))
    pixels = b"".join(rows)
    scanlines = b"".join(b"\0" + pixels for _ in range(size))
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines)), (b"IEND", b""))
    )
