"""Stand-ins for the models that embed and rank: random numbers, with the words that the suite counts as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import TinyModel, Weights
from models.bert import write_encoder, write_reranker

if TYPE_CHECKING:
    from gguf import GGUFWriter

_WORDS = ("believe", "meaning", "of", "life", "is", "this", "test", "hello")
_PARTS = ("machine", "learn", "is", "which", "ci", "##ty", "par", "##is", "capital", "de")


def _write_encoder(writer: GGUFWriter, weights: Weights) -> None:
    write_encoder(writer, weights, _WORDS)


def _write_reranker(writer: GGUFWriter, weights: Weights) -> None:
    write_reranker(writer, weights, _PARTS)
    # The original's tokenizer ends both texts, and puts nothing between them.
    writer.add_add_eos_token(True)
    writer.add_add_sep_token(False)


ENCODER = TinyModel("suite-encoder", "bert", _write_encoder, seed=5)
"""In the place of bge-small: its kind of vocabulary and its context."""

RERANKER = TinyModel("suite-reranker", "bert", _write_reranker, seed=6)
"""In the place of a small reranker. The order in which it puts the suite's documents means nothing."""
