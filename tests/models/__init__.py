"""Models for the tests, beside those that the package knows, in the same cache.

Some come through pip as the known ones do, and some are made of those (:func:`derived`). The tiny ones are written here
(:func:`tiny`): a few hundred kilobytes that load in milliseconds. Most are random numbers in the shape of a model. They
prove plumbing, limits, and that the same request has the same answer, and nothing about quality: their texts and scores
mean nothing. Others say what a script has them say, so that their words show what has reached them. What each can prove
stands beside it.
"""

from models.adapters import TINY_LORA
from models.bert import TINY_ENCODER, TINY_RERANKER
from models.broken import BROKEN
from models.chats import TINY_REASONING, TINY_TOOLS
from models.gemma import GEMMA
from models.llama import TINY, TINY_DRAFT, TINY_FIM, TINY_OTHER_VOCABULARY
from models.minilm import MINILM
from models.senses import TINY_AUDIO, TINY_VISION, TINY_VISION_AND_AUDIO, TINY_WITNESS
from models.smollm2 import SMOLLM2_ACTIONS, SMOLLM2_DRAFT, SMOLLM2_LORA, SMOLLM2_TOOLS
from models.writing import DerivedModel, TinyModel, Weights, derived, tiny

__all__ = [
    "BROKEN",
    "GEMMA",
    "MINILM",
    "SMOLLM2_ACTIONS",
    "SMOLLM2_DRAFT",
    "SMOLLM2_LORA",
    "SMOLLM2_TOOLS",
    "TINY",
    "TINY_AUDIO",
    "TINY_DRAFT",
    "TINY_ENCODER",
    "TINY_FIM",
    "TINY_LORA",
    "TINY_OTHER_VOCABULARY",
    "TINY_REASONING",
    "TINY_RERANKER",
    "TINY_TOOLS",
    "TINY_VISION",
    "TINY_VISION_AND_AUDIO",
    "TINY_WITNESS",
    "DerivedModel",
    "TinyModel",
    "Weights",
    "derived",
    "tiny",
]
