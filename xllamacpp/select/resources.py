"""The files that lie beside these modules, in a folder or in a zip file."""

from __future__ import annotations

import os
import sys


def read_resource(name: str) -> str:
    """Return the text of a file beside this one."""
    spec = sys.modules[__name__].__spec__
    path = os.path.join(os.path.dirname(__file__), name)  # noqa: PTH118, PTH120  the loader's own spelling
    return spec.loader.get_data(path).decode("utf-8")  # type: ignore[union-attr, no-any-return]
