"""``xllamacpp complete``: text that goes on from a prompt."""

from __future__ import annotations

import sys
from typing import Any

import click

from xllamacpp.cli import generation


@click.command("complete", short_help="Write on from a prompt.")
@click.argument("prompt", required=False)
@generation.options
def command(
    prompt: str | None, max_tokens: int | None, temperature: float | None, seed: int | None, **model: Any
) -> None:
    """Write on from PROMPT, or from standard input, with no chat template around it.

    What the model writes comes on standard output as it is written. Without --max-tokens it goes on until the model
    ends its text or the context is full; Ctrl-C stops it.

    \b
    Examples:
      xllamacpp complete "Once upon a time" --max-tokens 64
      xllamacpp complete --model base.gguf --temperature 0 < beginning.txt
    """
    text = generation.read_text(prompt)
    if not text:
        raise click.UsageError("There is no prompt: give one as an argument or on standard input.")
    request = generation.make_request(max_tokens, temperature, seed)
    with generation.open_server(**model) as server:
        is_cut = generation.generate(server, "/v1/completions", {**request, "prompt": text}, _show)
    if sys.stdout.isatty():
        click.echo()
    if is_cut:
        click.echo("The context is full; --n-ctx gives more room.", err=True)


def _show(choice: Any) -> None:
    click.echo(choice["text"], nl=False)
