"""``xllamacpp rm``: models, out of the cache."""

from __future__ import annotations

import sys

import click

from xllamacpp.models.contents import removal
from xllamacpp.progress import format_size


@click.command("rm", short_help="Remove models from the cache.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(names: tuple[str, ...], yes: bool) -> None:
    """Remove models from the cache, by the names that 'xllamacpp ls' shows.

    org/repo stands for every GGUF model of a repository, org/repo:Q8_0 for one. What other programs keep in the Hub's
    cache stays, and so does a file that another model still needs.

    \b
    Examples:
      xllamacpp rm demo
      xllamacpp rm --yes ggml-org/gemma-3-4b-it-GGUF:Q4_K_M
    """
    plans = [removal(name) for name in names]
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask: --yes removes without asking.")
        for plan in plans:
            click.echo(f"{plan.name}  {format_size(plan.size)}", err=True)
        click.confirm("Remove this?", abort=True, err=True)
    for plan in plans:
        plan.execute()
        click.echo(f"removed {plan.name} ({format_size(plan.size)})", err=True)
