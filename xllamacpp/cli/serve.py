"""``xllamacpp serve``: llama.cpp's HTTP server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from xllamacpp import CommonParams, ParameterError, Server, ServerError
from xllamacpp._native import _core
from xllamacpp.cli import info, logs
from xllamacpp.cli.configuration import Configuration
from xllamacpp.cli.gpu import check_gpu
from xllamacpp.cli.loading import load
from xllamacpp.cli.model_option import resolve_models, take_presets
from xllamacpp.cli.router import Router
from xllamacpp.cli.signals import Stop, stop_on_signals
from xllamacpp.models import KNOWN

if TYPE_CHECKING:
    from xllamacpp.models.hub import Repository

_Served = TypeVar("_Served", Server, Router)


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
    --model takes the path of a GGUF file or a name: a repository on the Hugging Face Hub (org/repo:quantization), an
    https:// address, a known model ('xllamacpp pull --help'). What is not in the cache is fetched.

    Instead of --model, --models-dir FOLDER serves every model in a folder, each in a process of its own that starts
    with the first request for it; --models-preset FILE has settings for each, and so has a repository with a preset.ini
    that --hf-repo names (docs/guide/router.md).

    \b
    Beside llama.cpp's flags there are:
      --config FILE            a TOML, YAML or JSON file with values by name (docs/parameters.md)
      --set PATH=VALUE         any field by its path, such as sampling.min_keep=2
      --drain-seconds SECONDS  how long requests under way may take once it is told to end [default: 8]

    \b
    Environment variables, beside llama.cpp's; a flag counts before them:
      MODEL                    what --model takes, where nothing else names a model
      XLLAMACPP_CONFIG         as --config
      XLLAMACPP_SET            values by path, as a JSON object: {"sampling.min_keep": 2}
      XLLAMACPP_DRAIN_SECONDS  as --drain-seconds
      XLLAMACPP_REQUIRE_GPU    1: without a usable GPU it ends, in place of going on with the CPU
      XLLAMACPP_CACHE          the folder that fetched models are kept in

    \b
    Examples:
      xllamacpp serve --model demo
      xllamacpp serve --model model.gguf --host 0.0.0.0 --port 8000 --parallel 8 --ctx-size 32768
      xllamacpp serve --config server.toml --port 8000
      MODEL=model.gguf xllamacpp serve --api-key secret
      xllamacpp serve --models-dir models --models-max 2

    A line on standard output says where it listens, once it is ready; the log goes to standard error. Ctrl-C and
    SIGTERM end it, with exit status 0: it takes no new requests (status 503) and lets those under way finish, for
    --drain-seconds. A second one ends it at once.
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
    configuration = Configuration.read(arguments)
    params = configuration.params
    options = logs.LogOptions.parse(configuration.arguments, os.environ)
    logs.show(options)
    repository = take_presets(params)
    if configuration.is_router:
        with Router(configuration) as router:
            _run(router, wait_for_ever, configuration, options)
    check_gpu(params)
    resolve_model(params, repository)
    with load(params) as server:
        _run(server, wait_for_failure, configuration, options)


def _run(
    server: _Served, wait: Callable[[_Served], NoReturn], configuration: Configuration, options: logs.LogOptions
) -> NoReturn:
    """Say where it listens, and drain it when it is told to end."""
    # Where the log is on standard output, nothing else is.
    click.echo(f"listening on {server.listening_address}", err=options.is_jsonl)
    try:
        wait(server)
    except Stop:
        drain(server, configuration.drain_seconds)
        raise


def resolve_model(params: CommonParams, repository: Repository | None = None) -> None:
    """Put files in the place of names, and check that there is a model."""
    resolve_models(params, repository)
    if not (params.model.path or params.model.docker_repo):
        raise ParameterError(
            "there is no model to serve: give one with --model (the path of a GGUF file, org/repo:quantization on the "
            f"Hugging Face Hub, an https:// address, or a known name: {', '.join(KNOWN)}), or with the environment "
            "variable MODEL; or a folder of models with --models-dir. With Docker that is docker run -e MODEL=demo, or "
            "-v /folder/of/models:/models -e MODEL=/models/model.gguf"
        )


def drain(server: Server | Router, seconds: float) -> None:
    """Let the requests under way finish, for so many seconds at most, and say so where there are any."""
    if seconds == 0 or server.drain(timeout=0):
        return
    click.echo(f"finishing the requests under way, {seconds:g} s at most", err=True)
    if not server.drain(seconds):
        click.echo("the requests that are still under way are cut off", err=True)


def wait_for_ever(router: Router) -> NoReturn:
    """Wait for a signal: a router does not end by itself."""
    while True:
        time.sleep(60)


def wait_for_failure(server: Server) -> NoReturn:
    """Wait for as long as the server lives; raise ServerError where it ends by itself."""
    # A signal's exception ends the sleep at once; the state is looked at for a server that ends by itself.
    while server._native.state == _core.READY:
        time.sleep(1)
    raise ServerError(f"the server ended by itself: {server._native.error}")
