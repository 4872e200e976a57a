"""What one llama.cpp's headers say otherwise than another's."""

from __future__ import annotations

from llama_cpp_header.header import Header
from llama_cpp_header.kinds import default_text


def changes(old: Header, new: Header) -> str:
    """Return, as lines to read, what a new llama.cpp adds (+), takes away (-) and changes (~)."""
    before, after = _facts(old), _facts(new)
    lines = []
    for name in [*after, *(name for name in before if name not in after)]:
        if name not in before:
            lines.append(f"+ {name}: {after[name][0]}")
        elif name not in after:
            lines.append(f"- {name}: {before[name][0]}")
        elif before[name] != after[name]:
            # The same words for another type: then what they stand for.
            written = int(before[name][0] == after[name][0])
            lines.append(f"~ {name}: {before[name][written]} -> {after[name][written]}")
    if not lines:
        return "llama.cpp's parameters, their enumerations and the constants are the same."
    return "\n".join(
        ["llama.cpp's parameters, their enumerations and the constants (+ new, - gone, ~ changed):", *lines]
    )


def _facts(header: Header) -> dict[str, tuple[str, str]]:
    """Return everything by its name, as the header writes it and with the type's real name."""
    facts = {}
    for members in header.structures.values():
        for member in members.values():
            text = default_text(member.default, member.kind, header)
            default = f" = {text}" if text else ""
            facts[f"{member.structure}::{member.name}"] = (member.written + default, member.type + default)
    for name in sorted(header.used & header.enums.keys()):
        for enumerator, value in header.enums[name].values.items():
            facts[f"{name} {enumerator}"] = (str(value), str(value))
    return facts | {name: (str(value), str(value)) for name, value in header.constants.items()}
