"""The project's versions, YYYY.M.PATCH: docs/releasing.md says how they are counted."""

from __future__ import annotations

import re

# Perhaps a candidate's, and perhaps one more of the same sources.
_FORM = re.compile(r"20\d\d\.(1[0-2]|[1-9])\.(0|[1-9]\d*)(rc\d+)?(\.post\d+)?")


def problem(version: str) -> str:
    """Return what is wrong with a version, without its local label; empty where nothing is."""
    if _FORM.fullmatch(version):
        return ""
    return f"has the version {version}: it has to be the year, the month and a number, as 2026.11.0"
