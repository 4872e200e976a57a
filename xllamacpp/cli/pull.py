"""``xllamacpp pull``: models, into the cache."""

from __future__ import annotations

import click

from xllamacpp import models


def _list(ctx: click.Context, parameter: click.Parameter, is_given: bool) -> None:
    if is_given and not ctx.resilient_parsing:
        for model in models.KNOWN.values():
            click.echo(f"{model.name:8} {model.size / 1e6:6.0f} MB  {model.licence}  {model.description}")
        ctx.exit()


@click.command("pull", short_help="Fetch models into the cache.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--no-verify", is_flag=True, help="Do not compare with its hash what is in the cache already.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Show the known models and exit."
)
def command(names: tuple[str, ...], no_verify: bool) -> None:
    """Fetch models into the cache, and print where their files are.

    \b
    NAME is one of
      demo                          a known model (--list)
      org/repo                      a repository on the Hugging Face Hub
      org/repo:Q8_0                 the same, in this quantization
      org/repo@revision:Q8_0        at a branch, a tag or a commit
      hf://org/repo/file.gguf       one file of it
      https://host/file.gguf        a file from anywhere; #sha256=... behind it is checked

    What is there already is compared with its hash, and a download that was broken off goes on where it was. The
    projector that makes a model see or hear comes with it. The paths are all that comes on standard output; of a model
    in several files, it is the first.

    \b
    Examples:
      xllamacpp pull demo
      xllamacpp pull ggml-org/gemma-3-4b-it-GGUF:Q4_K_M
      xllamacpp serve --model "$(xllamacpp pull demo)"

    The environment variable XLLAMACPP_CACHE names another cache; HF_TOKEN has a token for the Hub, HF_ENDPOINT a mirror
    of it. More: docs/models.md.
    """
    for name in names:
        click.echo(models.pull(name, verify=not no_verify))
