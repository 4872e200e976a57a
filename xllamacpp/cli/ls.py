"""``xllamacpp ls``: what the cache holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from xllamacpp.models.contents import CachedModel, contents
from xllamacpp.progress import format_size


@click.command("ls", short_help="Show the models in the cache.")
@click.option("--json", "as_json", is_flag=True, help="Print it all as one JSON list.")
def command(as_json: bool) -> None:
    """Show the models in the cache: what --model takes for them, their sizes, when they were used, where they are.

    Of the Hub's cache, which other programs share, it shows the GGUF models.

    \b
    Examples:
      xllamacpp ls
      xllamacpp ls --json
    """
    models = contents()
    if as_json:
        click.echo(json.dumps([_facts(model) for model in models], indent=2))
        return
    if not models:
        click.echo("The cache is empty.", err=True)
        return
    rows = [("NAME", "SIZE", "LAST USED", "WHERE"), *map(_row, models)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for name, size, used, where in rows:
        click.echo(f"{name:{widths[0]}}  {size:>{widths[1]}}  {used:{widths[2]}}  {where}")


def _row(model: CachedModel) -> tuple[str, str, str, str]:
    name = model.name if model.is_whole else f"{model.name} (a part)"
    return name, format_size(model.size), f"{_used(model).astimezone():%Y-%m-%d %H:%M}", str(model.paths[0])


def _facts(model: CachedModel) -> dict[str, object]:
    return {
        "name": model.name,
        "size": model.size,
        "used": _used(model).isoformat(timespec="seconds"),
        "whole": model.is_whole,
        "files": [str(path) for path in model.paths],
    }


def _used(model: CachedModel) -> datetime:
    return datetime.fromtimestamp(model.used, UTC)
