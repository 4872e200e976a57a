"""Loads a model, with a bar on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from xllamacpp import CommonParams, Server


def load(params: CommonParams) -> Server:
    """Make a server; return when its model is loaded."""
    if not sys.stderr.isatty():
        return Server(params)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"loading {Path(params.model.path).name}", total=1.0)
        return Server(params, progress=lambda done: bar.update(task, completed=done))
