"""What a newer ledger has to keep of an older one: it only grows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from index.ledger import Dependency, Ledger, LedgerFile


def broken(old: Ledger, new: Ledger) -> Iterator[str]:
    """Yield where a ledger is not an older one continued.

    Parameters
    ----------
    old, new : Ledger
        The ledgers. Of a record that both have, ``yanks`` may have got longer, and another project's file, which its
        hash tells, may lie elsewhere; everything else is as it was.
    """
    for name, records in old.lists.items():
        known = {record.file: record for record in new.lists[name]}
        for before in records:
            if before.file not in known:
                yield f"{before.file} is not among its {name}"
            else:
                yield from _changed(before, known[before.file])


def _changed(before: LedgerFile, after: LedgerFile) -> Iterator[str]:
    if after.yanks[: len(before.yanks)] != before.yanks:
        yield f"{before.file}: yanks were {list(before.yanks)} and are {list(after.yanks)} (`unyank` adds to them)"
    may_change = {"yanks", "url"} if isinstance(before, Dependency) else {"yanks"}
    for key in (field.name for field in dataclasses.fields(before) if field.name not in may_change):
        was, now = getattr(before, key), getattr(after, key)
        if was != now:
            yield f"{before.file}: {key} was {was!r} and is {now!r}"
