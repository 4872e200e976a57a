"""Models for the tests, beside those that the package knows, in the same cache.

Some come through pip as the known ones do. The tiny ones are written here: random numbers in the shape of a model, a
few hundred kilobytes that load in milliseconds. They prove plumbing, limits, and that the same request has the same
answer. They prove nothing about quality: their texts and scores mean nothing. What each can prove stands beside it.
"""

from models.adapters import TINY_LORA
from models.bert import TINY_ENCODER, TINY_RERANKER
from models.gemma import GEMMA
from models.llama import TINY, TINY_DRAFT, TINY_OTHER_VOCABULARY
from models.writing import TinyModel, Weights, tiny

__all__ = [
    "GEMMA",
    "TINY",
    "TINY_DRAFT",
    "TINY_ENCODER",
    "TINY_LORA",
    "TINY_OTHER_VOCABULARY",
    "TINY_RERANKER",
    "TinyModel",
    "Weights",
    "tiny",
]
