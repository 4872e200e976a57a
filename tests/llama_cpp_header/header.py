"""What is known of llama.cpp's parameters once its headers were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class HeaderError(Exception):
    """The headers cannot be had, or cannot be read."""


@dataclass(frozen=True)
class Filled:
    """A default of as many equal elements as only the running program knows."""

    value: Any


@dataclass(frozen=True)
class Unknown:
    """A default that this module cannot work out."""

    text: str


@dataclass(frozen=True)
class Member:
    """A member of one of llama.cpp's structures.

    Parameters
    ----------
    structure, name : str
        The structure and the member.
    written, type : str
        The type as the header has it, and without its other names.
    kind : dict
        The type as a row of the table would have it.
    default : object
        What the table would say: a number, a text, a list. ``{}`` for a structure whose own members say it, None for
        a pointer.
    place : str
        ``"common.h:512"``.
    """

    structure: str
    name: str
    written: str
    type: str
    kind: dict[str, Any]
    default: Any
    place: str


@dataclass(frozen=True)
class Enumeration:
    """The values of an enumeration's enumerators, and their places."""

    values: dict[str, int]
    places: dict[str, str]


@dataclass(frozen=True)
class Header:
    """What llama.cpp's headers say: ``used`` names the enumerations that parameters or the table need."""

    structures: dict[str, dict[str, Member]] = field(default_factory=dict)
    enums: dict[str, Enumeration] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    constants: dict[str, int] = field(default_factory=dict)
