"""Files that are no models, made of one that is."""

from __future__ import annotations

from collections.abc import Callable

BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "no GGUF": lambda whole: b"this is no model\n" * 100,
    "wrong magic": lambda whole: b"GGML" + whole[4:],
    "wrong version": lambda whole: whole[:4] + (99).to_bytes(4, "little") + whole[8:],
    "cut in the metadata": lambda whole: whole[:100],
    "truncated": lambda whole: whole[: len(whole) // 2],
    "a byte short": lambda whole: whole[:-1],
}
"""dict of str to callable: what can be wrong with a file, each with what makes it of the bytes of a good one.

They prove that a load says what is wrong. They do not prove that each damage is found: a byte that has changed in a
weight is not.
"""
