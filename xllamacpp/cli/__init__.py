"""The command ``xllamacpp``: one file for each of its commands."""

from __future__ import annotations

import click

from xllamacpp import __version__
from xllamacpp.cli import bench, chat, complete, doctor, health, info, ls, openapi, params, pull, rm, select, serve
from xllamacpp.cli.group import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message=info.version())
@click.option("--debug", is_flag=True, envvar="XLLAMACPP_DEBUG", help="Show where in the program an error came up.")
def main(debug: bool) -> None:
    """Run GGUF language models with llama.cpp, on any hardware.

    \b
      xllamacpp chat                            talk to a small model, fetched on first use
      xllamacpp chat "Write a short story."     one answer
      xllamacpp serve --model model.gguf        an OpenAI-compatible HTTP server

    --model takes the path of a GGUF file, or a name: 'xllamacpp pull --help' has the ways.
    """


for command in (chat, complete, serve, health, pull, ls, rm, params, openapi, info, doctor, select, bench):
    main.add_command(command.command)
