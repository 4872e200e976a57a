"""Reads and writes the ledger's file, which is JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from pathlib import Path

from index import json_nodes
from index.ledger import Ledger, LedgerError
from index.ledger_rules import problems
from matrix import Matrix
from strict_yaml import Builder, Node, StrictYamlError


def load(path: Path, matrix: Matrix, *, local_urls: bool = False) -> Ledger:
    """Read a ledger.

    Parameters
    ----------
    path : Path
        The file.
    matrix : Matrix
        The rows that its files are of.
    local_urls : bool, optional
        Whether files may be on this machine (``file://``, ``http://127.0.0.1``), for a test. Default: False.

    Raises
    ------
    LedgerError
        Something in it is wrong: the text names the line, the record, the key, and what is right.
    """
    try:
        node = json_nodes.read(path)
        ledger = Builder(path.name).build(Ledger, node)
    except StrictYamlError as error:
        raise LedgerError(str(error)) from None
    found = [
        f"{path.name}:{_line(node, problem.records, problem.number, problem.key)}: {problem}"
        for problem in problems(ledger, matrix, local_urls=local_urls)
    ]
    if found:
        raise LedgerError("\n".join(found))
    return ledger


def _line(node: Node, records: str, number: int, key: str) -> int:
    record: Node = node.value[records].value[number]
    return record.find(key)


def render(ledger: Ledger) -> str:
    """Return the text of a ledger's file."""
    return json.dumps(dataclasses.asdict(ledger), indent=2) + "\n"


def save(path: Path, ledger: Ledger) -> None:
    """Write a ledger in one step: whoever reads the file, or stops this, finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as draft:
        try:
            draft.write(render(ledger))
            draft.flush()
            os.fsync(draft.fileno())
            Path(draft.name).chmod(mode)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
