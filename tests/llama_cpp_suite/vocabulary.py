"""The tokens of a stand-in for the small language models that llama.cpp's suite asks for.

The suite counts tokens: so many in this prompt, so many of them taken from a cache. The pieces here are not those of
the model that it was written for, but put its prompts together out of just as many.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFWriter

_CONTROL = ("<unk>", "<s>", "</s>")
_BYTES = tuple(f"<0x{octet:02X}>" for octet in range(256))
_SIZE = 512

# Found by trying, until all counts were right: the earlier one stands, the sooner it is put together.
_PIECES = """
▁ ▁t he ▁the os ▁c il es cci tat rc nis ▁cha ▁j ci nu sta llo ed lu ro ve ta hen ▁Lo ▁A Du sci mco ommo amet scin
ha anin pt Writ ▁ma exe me ▁ex ▁b lo uip ug Lo ei ps ita if ▁s ot nd prom ife cid di Wri em la ▁ei ▁ea Dui ect ▁tem
omm aning pro hat ss an pa yo ab ir ▁wh ar wil mi pi ▁jok ▁I Wr id bon ▁me star ui ▁prom lum idu ea in ▁nis Yo ▁w
met ex anc quis rom lla ▁H gn qui nt ▁Hi ▁magn am do Th incid Write is iam ▁ho from ▁mi ▁pa ou ▁you ok er on od ser
ho ad ess ▁m ▁lo ▁yo um ec ▁temp co ▁l user mm ▁G
"""

# One for each thing that a test of the suite wants to read, so that it goes on to what it checks after that.
_WANTED = (
    *("blue", "But she couldn't", "Suddenly", "Whillicter", "Aside", "going", "princesses", "Whiskers", "Jack"),
    *("Daddy", "little", "eye", "bright", "special", "far", "wise", "cat", "frog"),
)


@dataclass(frozen=True)
class Vocabulary:
    """What a stand-in reads and writes.

    Parameters
    ----------
    more : tuple of str, optional
        Pieces after the others.
    control : tuple of str, optional
        Tokens without a text, the last ones.
    """

    more: tuple[str, ...] = ()
    control: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """All of them, by their numbers."""
        read = (*_CONTROL, *_BYTES, *_PIECES.split(), *self.more, _said())
        return (*read, *_noise(_SIZE - len(read) - len(self.control), set(read)), *self.control)

    @property
    def said(self) -> int:
        """The token that is all the words which a test may want to read."""
        return self.tokens.index(_said())

    @property
    def noise(self) -> range:
        """The tokens that all other text is made of. No prompt has them."""
        return range(self.said + 1, _SIZE - len(self.control))

    def number(self, token: str) -> int:
        """Return the number of a token; a single character may be a byte."""
        return self.tokens.index(token if token in self.tokens else f"<0x{ord(token):02X}>")

    def write(self, writer: GGUFWriter) -> None:
        """Give a model these tokens."""
        from gguf import TokenType

        types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * len(_BYTES)]
        plain = _SIZE - len(types) - len(self.control)
        first = len(types)
        writer.add_tokenizer_model("llama")
        writer.add_token_list(self.tokens)
        writer.add_token_scores([float(min(0, first - number)) for number in range(_SIZE)])
        writer.add_token_types([*types, *[TokenType.NORMAL] * plain, *[TokenType.CONTROL] * len(self.control)])
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)


def _said() -> str:
    return "".join(f"▁{words}" for words in _WANTED).replace(" ", "▁")


def _noise(count: int, others: set[str]) -> tuple[str, ...]:
    """Make up words that nothing is tokenized to: no two tokens come together to one."""
    letters, words = random.Random(0), dict[str, None]()
    while len(words) < count:
        word = "▁" + "".join(letters.choice(part) for part in ("bdgkpvz", "aeiou", "bdgkpvz", "aeiou"))
        parts = ((word[:cut], word[cut:]) for cut in range(1, len(word)))
        if not any(all(len(part) == 1 or part in others for part in pair) for pair in parts):
            words[word] = None
    return tuple(words)
