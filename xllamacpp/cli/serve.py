"""``xllamacpp serve``: llama.cpp's HTTP server."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NoReturn

import click

from xllamacpp import CommonParams, ParameterError, Server, ServerError
from xllamacpp._native import _core
from xllamacpp.cli import info, logs
from xllamacpp.cli.loading import load
from xllamacpp.cli.signals import Stop, stop_on_signals
from xllamacpp.models import KNOWN, resolve

# llama.cpp's own. A server in a program takes a free port instead.
_PORT = 8080


@click.command(
    "serve",
    short_help="Serve a model over HTTP.",
    # llama.cpp's parser sees every flag, ours sees none.
    add_help_option=False,
    options_metavar="",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS]...")
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Serve a model over HTTP: OpenAI's API, Anthropic's, and llama.cpp's own.

    It takes every flag of llama.cpp's server, every LLAMA_ARG_* environment variable, and its configuration files.
    --model takes the path of a GGUF file or the name of a known model ('xllamacpp pull --list').

    \b
    Beside llama.cpp's flags there are:
      --config FILE        a TOML, YAML or JSON file with values by name (docs/parameters.md)
      --set PATH=VALUE     any field by its path, such as sampling.min_keep=2

    \b
    Examples:
      xllamacpp serve --model demo
      xllamacpp serve --model model.gguf --host 0.0.0.0 --port 8000 --parallel 8 --ctx-size 32768
      xllamacpp serve --config server.toml --port 8000
      LLAMA_ARG_MODEL=model.gguf xllamacpp serve --api-key secret

    A line on standard output says where it listens, once it is ready; the log goes to standard error. Ctrl-C and
    SIGTERM end it, with exit status 0. A second one ends it at once.
    """
    if not {"-h", "--help", "--usage"}.isdisjoint(arguments):
        click.echo(f"{ctx.get_help()}\n\n{_core.Params.usage()}", nl=False)
        return
    if "--version" in arguments:
        click.echo(info.version())
        return
    if "--list-devices" in arguments:
        click.echo(info.devices(), nl=False)
        return
    try:
        with stop_on_signals():
            _serve(arguments)
    except Stop:
        # The last word: a load that is broken off leaves llama.cpp's complaints in the log.
        click.echo("stopped", err=True)


def _serve(arguments: Sequence[str]) -> None:
    config, arguments = _take_config(arguments)
    params = CommonParams.from_file(config, port=_PORT) if config else CommonParams(port=_PORT)
    params.parse_arguments(arguments)
    options = logs.LogOptions.parse(arguments, os.environ)
    logs.show(options)
    _resolve_model(params)
    with load(params) as server:
        # Where the log is on standard output, nothing else is.
        click.echo(f"listening on {server.listening_address}", err=options.is_jsonl)
        wait_for_failure(server)


def _take_config(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Part our own flag from llama.cpp's."""
    config, rest = None, []
    words = iter(arguments)
    for word in words:
        if word == "--config":
            config = next(words, "")
        elif word.startswith("--config="):
            config = word.removeprefix("--config=")
        else:
            rest.append(word)
    if config == "":
        raise ParameterError("--config: a value is missing: the path of a TOML, YAML or JSON file")
    return config, rest


def _resolve_model(params: CommonParams) -> None:
    """Put the file of a known model in the place of its name, and check that there is a model."""
    is_elsewhere = params.model.hf_repo or params.model.url or params.model.docker_repo
    if params.model.path in KNOWN or (params.model.path and not is_elsewhere):
        params.model.path = str(resolve(params.model.path))
    elif not is_elsewhere:
        raise ParameterError(
            "there is no model to serve: give one with --model (the path of a GGUF file, or a known name: "
            f"{', '.join(KNOWN)}), or with the environment variable LLAMA_ARG_MODEL"
        )


def wait_for_failure(server: Server) -> NoReturn:
    """Wait for as long as the server lives; raise ServerError where it ends by itself."""
    # A signal's exception ends the sleep at once; the state is looked at for a server that ends by itself.
    while server._native.state == _core.READY:
        time.sleep(1)
    raise ServerError(f"the server ended by itself: {server._native.error}")
