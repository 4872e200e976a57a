"""A vocabulary that can spell anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFWriter

_CONTROL = ("<unk>", "<s>", "</s>")

FIRST_BYTE = len(_CONTROL)
"""int: the token of the byte 0; the others follow, and after them the pieces."""

FIRST_PIECE = FIRST_BYTE + 256
"""int: the token of the first piece."""


def add_byte_vocabulary(writer: GGUFWriter, pieces: tuple[str, ...]) -> int:
    """Add a SentencePiece vocabulary in which each byte is a token, and return its size.

    Parameters
    ----------
    writer : GGUFWriter
        The model's.
    pieces : tuple of str
        The other tokens: the earlier one stands, the sooner it is put together. What looks like ``<|this|>`` has a
        meaning and no text, what looks like ``<this>`` is put together from nothing else, as both are in real models.
    """
    from gguf import TokenType

    def type_of(piece: str) -> TokenType:
        if piece.startswith("<|"):
            return TokenType.CONTROL
        return TokenType.USER_DEFINED if piece.startswith("<") else TokenType.NORMAL

    octets = tuple(f"<0x{octet:02X}>" for octet in range(256))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*_CONTROL, *octets, *pieces])
    writer.add_token_scores([*[0.0] * FIRST_PIECE, *(-float(rank) for rank in range(len(pieces)))])
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * len(octets)]
    writer.add_token_types([*types, *map(type_of, pieces)])
    writer.add_unk_token_id(_CONTROL.index("<unk>"))
    writer.add_bos_token_id(_CONTROL.index("<s>"))
    writer.add_eos_token_id(_CONTROL.index("</s>"))
    return FIRST_PIECE + len(pieces)
