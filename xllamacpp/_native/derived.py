"""Writes every file that is made from the native table of parameters: stubs, schema, reference.

Run it after a row has changed, with the extension built: ``python -m xllamacpp._native.derived DIRECTORY``, where the
directory is the root of the working tree; ``nox -s derived`` builds first. A test compares the files with what this
would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from xllamacpp._native import reference, schema, stubs

FILES: dict[str, Callable[[], str]] = {
    "xllamacpp/params.pyi": stubs.params_stub,
    "xllamacpp/enums.pyi": stubs.enums_stub,
    "xllamacpp/params.schema.json": schema.schema_text,
    "docs/parameters.md": reference.reference,
}
"""The text of each file, by its path in the working tree."""


def main(directory: str) -> None:
    """Write the files into the working tree at `directory`."""
    for name, make in FILES.items():
        Path(directory, name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
