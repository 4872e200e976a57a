"""Tiny models that do not generate: one that embeds, and one that ranks."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

_EMBEDDING = 64
_HEADS = 2
_FEED_FORWARD = 128
_CONTEXT = 512


def write_encoder(writer: GGUFWriter, weights: Weights, words: tuple[str, ...] = ()) -> None:
    """Give a writer a BERT that embeds; `words` are tokens beside letters, with ## where they go on with a word."""
    from gguf import PoolingType

    writer.add_pooling_type(PoolingType.MEAN)
    _write_bert(writer, weights, words)


def write_reranker(writer: GGUFWriter, weights: Weights, words: tuple[str, ...] = ()) -> None:
    """Give a writer a BERT that ranks; `words` as above."""
    from gguf import PoolingType

    writer.add_pooling_type(PoolingType.RANK)
    _write_bert(writer, weights, words)
    weights.add("cls.weight", _EMBEDDING, _EMBEDDING)
    weights.add("cls.bias", _EMBEDDING)
    weights.add("cls.output.weight", 1, _EMBEDDING)
    weights.add("cls.output.bias", 1)


def _write_bert(writer: GGUFWriter, weights: Weights, words: tuple[str, ...]) -> None:
    layers = 2
    writer.add_block_count(layers)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_EMBEDDING)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    tokens = _add_word_vocabulary(writer, words)

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


def _add_word_vocabulary(writer: GGUFWriter, words: tuple[str, ...]) -> int:
    """Add BERT's kind of vocabulary: pieces that begin a word have ▁ before them, others have nothing."""
    from gguf import TokenType

    control = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    pieces = (*string.ascii_lowercase, *string.digits, "the", "ing", "er")
    begin, go_on = ([word for word in words if word.startswith("##") is later] for later in (False, True))
    tokens = (
        *(*control, *(f"▁{piece}" for piece in (*pieces, *string.punctuation, *begin))),
        *(*pieces, *(word.removeprefix("##") for word in go_on)),
    )
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


TINY_ENCODER = TinyModel("tiny-encoder", "bert", write_encoder, seed=5)
"""A BERT that embeds, by the mean over the tokens.

It proves shapes, normalisation and batches, and that the same text is embedded the same. Distances mean nothing.
"""

TINY_RERANKER = TinyModel("tiny-reranker", "bert", write_reranker, seed=6)
"""A BERT with a head for one score. It proves the order, the indices and ``top_n`` of an answer, not relevance."""
