"""Models that say what a script has them say: the words are chosen by whoever writes the test.

A word is a token. What follows it is the word with the greatest sum: what the last word gives it, and what each thing
that stands anywhere before gives it. Such a thing is a token, or something that a projector has made of an image or a
sound. Nothing is random, and the sums lie so far apart that a model says the same at any temperature, on any machine
and in any batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from models.vocabulary import FIRST_PIECE, add_byte_vocabulary

if TYPE_CHECKING:
    import numpy
    from gguf import GGUFWriter

EMBEDDING = 64
"""int: how many numbers stand for a token; each of them means one thing, and is 0 or 1."""

ANYTHING = ""
"""str: stands for every token that the script does not name."""

END = "</s>"
"""str: ends an answer."""

SURE = 30.0
"""float: what a word gives to the one that follows it unless something else is noticed."""

IF_NOTICED = (27.0, 24.0, 21.0)
"""tuple of float: what it gives to those that follow it if they are noticed, the preferred one first."""

NOTICED = 12.0
"""float: what a thing gives to the word for it."""

_START = "<s>"
_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
_HEAD = 32
_SLOWEST = _HEAD - 1


@dataclass(frozen=True)
class Script:
    """What a model says.

    Parameters
    ----------
    template : str
        The chat template. The tokens ``<|system|>``, ``<|user|>``, ``<|assistant|>`` and ``<|tool|>`` are there for it.
    follows : mapping
        For each word: how much it gives to each of the words that may follow. A word has one place in a script, so that
        it always has the same followers.
    notices : mapping, optional
        For each thing that may stand anywhere before: how much it gives to which words.
    """

    template: str
    follows: Mapping[str, Mapping[str, float]]
    notices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def meaning(self, thing: str) -> int:
        """Return which number of an embedding stands for a word or a thing."""
        return self._meanings[thing]

    def spare(self) -> range:
        """Return which numbers of an embedding mean nothing."""
        return range(len(self._meanings), EMBEDDING - len(self.notices))

    def write(self, writer: GGUFWriter) -> None:
        """Give a writer the whole model."""
        heads = max(1, len(self.notices))
        writer.add_block_count(1)
        writer.add_context_length(2048)
        writer.add_embedding_length(EMBEDDING)
        writer.add_feed_forward_length(_HEAD)
        writer.add_head_count(heads)
        writer.add_key_length(_HEAD)
        writer.add_value_length(_HEAD)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(_HEAD)
        # The slowest pair of a head hardly turns: how far back a thing stands makes no difference.
        writer.add_rope_freq_base(1e9)
        tokens = add_byte_vocabulary(writer, tuple(piece.replace(" ", "▁") for piece in self._pieces))
        writer.add_chat_template(self.template)
        for name, values in self._tensors(tokens, heads).items():
            writer.add_tensor(f"{name}.weight", values)

    @cached_property
    def _pieces(self) -> tuple[str, ...]:
        followers = (word for words in self.follows.values() for word in words)
        # Things that are no tokens come from a projector.
        things = (thing for thing in self.notices if thing.startswith("<|"))
        words = dict.fromkeys((*_ROLES, *things, *self.follows, *followers))
        return (" ", *(word for word in words if word not in (ANYTHING, END)))

    @cached_property
    def _meanings(self) -> dict[str, int]:
        words = (piece for piece in self._pieces if piece not in self.notices)
        meanings = {thing: place for place, thing in enumerate((ANYTHING, _START, *self.notices, *words))}
        assert len(meanings) + len(self.notices) <= EMBEDDING, "the script has too many words"
        return meanings

    def _token(self, word: str) -> int:
        return 2 if word == END else FIRST_PIECE + self._pieces.index(word)

    def _tensors(self, tokens: int, heads: int) -> dict[str, numpy.ndarray]:
        from numpy import ones, zeros

        def matrix(out: int, into: int = EMBEDDING) -> numpy.ndarray:
            return zeros((out, into), "float32")

        embedding, output = matrix(tokens), matrix(tokens)
        embedding[:, self.meaning(ANYTHING)] = 1
        for word in (_START, *self._pieces):
            token = 1 if word == _START else self._token(word)
            embedding[token] = 0
            embedding[token, self.meaning(word)] = 1
        for word, followers in self.follows.items():
            for follower, gift in followers.items():
                output[self._token(follower), self.meaning(word)] = gift

        query, key, value = (matrix(heads * _HEAD) for _ in range(3))
        seen = matrix(EMBEDDING, heads * _HEAD)
        for head, (thing, gifts) in enumerate(self.notices.items()):
            place = head * _HEAD
            mark = EMBEDDING - 1 - head
            # Whatever looks, it looks for the one thing. Where there is none, it sees the start of the text.
            query[place + _SLOWEST] = 1
            key[place + _SLOWEST, self.meaning(thing)] = 6
            key[place + _SLOWEST, self.meaning(_START)] = 3
            # A norm has made 8 of the 1 in 64 numbers.
            value[place, self.meaning(thing)] = 1 / 8
            seen[mark, place] = 1
            for word, gift in gifts.items():
                output[self._token(word), mark] = gift
        block = "blk.0"
        return {
            "token_embd": embedding,
            "output_norm": ones(EMBEDDING, "float32"),
            "output": output,
            f"{block}.attn_norm": ones(EMBEDDING, "float32"),
            f"{block}.attn_q": query,
            f"{block}.attn_k": key,
            f"{block}.attn_v": value,
            f"{block}.attn_output": seen,
            f"{block}.ffn_norm": ones(EMBEDDING, "float32"),
            f"{block}.ffn_gate": matrix(_HEAD),
            f"{block}.ffn_up": matrix(_HEAD),
            f"{block}.ffn_down": matrix(EMBEDDING, _HEAD),
        }


def in_turn(*words: str) -> dict[str, dict[str, float]]:
    """Make a part of a script in which each word follows the one before it, whatever else there is."""
    return {word: {follower: SURE} for word, follower in pairwise(words)}
