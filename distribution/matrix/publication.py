"""What has to be true of a row's wheel and image for them to be published, or not to be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from matrix.row import Row

Problem = tuple[str, str]
"""The key, as ``wheel.label``, and what is wrong with it."""

# A release's files may be no larger on the site that serves them.
LARGEST_MB = 2000


def published(row: Row) -> Iterator[Problem]:
    """Yield what is wrong with how a row is published."""
    for key in ("wheel", "image"):
        value = getattr(row, key)
        if bool(value.why) == value.published:
            yield f"{key}.why", "is for what is not published" if value.why else "is missing: why is it not published?"
        if value.max_mb <= 0:
            yield f"{key}.max_mb", f"is {value.max_mb}: a number above 0"
    if row.wheel.published and row.wheel.max_mb > LARGEST_MB:
        yield "wheel.max_mb", f"is {row.wheel.max_mb}: a published file may have {LARGEST_MB} MB"
    yield from _label(row)
    yield from _folders(row)


def _label(row: Row) -> Iterator[Problem]:
    label = row.wheel.label
    if row.wheel.published and not label:
        yield "wheel.label", "is null: without one, a published wheel is not told from the public index's other project"
    if label and not re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)*", label):
        yield "wheel.label", f"is {label}: small letters and digits, in parts joined by dots (PEP 440)"


def _folders(row: Row) -> Iterator[Problem]:
    wheel = row.wheel
    if wheel.published != (wheel.index is not None):
        yield "wheel.index", "is where a published wheel is found" if wheel.published else "is not published"
    if wheel.index is None:
        if wheel.index_aliases:
            yield "wheel.index_aliases", "there is no index that they are other names of"
        return
    if wheel.label and wheel.label not in (wheel.index, *wheel.index_aliases):
        yield "wheel.index", f"is {wheel.index}: a labelled wheel is found under its label, {wheel.label}, too"
    for key, name in (("index", wheel.index), *(("index_aliases", alias) for alias in wheel.index_aliases)):
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
            yield f"wheel.{key}", f"{name}: small letters and digits, in parts joined by . or -"
        elif wheel.label and not _plain(name).startswith(_plain(wheel.label)):
            yield f"wheel.{key}", f"{name}: another's, by its name; it has to begin with {wheel.label}"


def _plain(name: str) -> str:
    return re.sub(r"[.-]", "", name)
