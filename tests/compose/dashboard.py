"""What a Grafana dashboard asks Prometheus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

# What Grafana would put in: all servers, and a stretch of time that has several values in it.
_VARIABLES = {"$instance": ".*", "$__rate_interval": "1m", "$__range": "1h"}


@dataclass(frozen=True)
class Query:
    """A query of a dashboard's.

    Parameters
    ----------
    panel : str
        The title of the panel that shows the answer.
    text : str
        The query, with Grafana's variables filled in.
    """

    panel: str
    text: str


def queries(file: Path) -> list[Query]:
    """Return the queries of all panels of a dashboard."""
    panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
    return [Query(panel["title"], _filled_in(target["expr"])) for panel in panels for target in panel["targets"]]


def _filled_in(text: str) -> str:
    for name, value in _VARIABLES.items():
        text = text.replace(name, value)
    assert "$" not in text, text
    return text
