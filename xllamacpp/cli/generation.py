"""What ``chat`` and ``complete`` share: options, where the text comes from, a server for one user.

``bench`` shares how a model is named and loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from xllamacpp import CommonParams, ParameterError, RequestError, Server, ServerError
from xllamacpp.cli import logs
from xllamacpp.cli.gpu import check_gpu
from xllamacpp.cli.loading import load
from xllamacpp.models import resolve

Function = TypeVar("Function", bound=Callable[..., Any])

_MODEL = click.option(
    "-m",
    "--model",
    default="demo",
    show_default=True,
    # In an image they say which model the container is for.
    envvar=["LLAMA_ARG_MODEL", "MODEL"],
    show_envvar=True,
    help="A GGUF file, or a model's name.",
)
_THREADS = click.option(
    "-t", "--n-threads", type=click.IntRange(min=1), help="CPU threads.  [default: one for each core]"
)
_VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Show llama.cpp's log on standard error.")

_OPTIONS = [
    _MODEL,
    click.option("-n", "--max-tokens", type=click.IntRange(min=1), help="Stop after so many tokens."),
    click.option(
        "--temperature", type=click.FloatRange(min=0), help="Above 1 more surprising, 0 always the likeliest token."
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Makes the same answer come again."),
    click.option(
        "-c",
        "--n-ctx",
        type=click.IntRange(min=0),
        default=4096,
        show_default=True,
        help="Room for the text and the answer, in tokens; 0 is as much as the model was trained with.",
    ),
    _THREADS,
    _VERBOSE,
]


class ContextFullError(ServerError):
    """The text does not fit into the context.

    Parameters
    ----------
    reason : str
        llama.cpp's own words, with the numbers.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"this does not fit into the context: {reason}. --n-ctx gives more room")


def options(function: Function) -> Function:
    """Add the options of a command that generates text."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def loading_options(function: Function) -> Function:
    """Add the options of a command that loads a model: those of them that say which, and how."""
    for option in (_VERBOSE, _THREADS, _MODEL):
        function = option(function)
    return function


def open_server(model: str, n_ctx: int, n_threads: int | None, verbose: bool) -> Server:
    """Load a model for one user at a time."""
    return load_model(CommonParams(n_ctx=n_ctx, n_parallel=1, warmup=False), model, n_threads, verbose)


def load_model(params: CommonParams, model: str, n_threads: int | None, verbose: bool) -> Server:
    """Load a model as the loading options say, and with `params` for the rest."""
    if verbose:
        logs.show(logs.LogOptions())
    else:
        logs.hide()
    check_gpu(params)
    params.model.path = str(resolve(model))
    if n_threads is not None:
        params.cpuparams.n_threads = n_threads
    return load(params)


def make_request(max_tokens: int | None, temperature: float | None, seed: int | None) -> dict[str, Any]:
    """Return the body of a request, still without its text; what is None is left to llama.cpp."""
    fields = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    return {"stream": True, **{name: value for name, value in fields.items() if value is not None}}


def read_text(argument: str | None) -> str | None:
    """Return the text that a command was given: its argument, else standard input; None where that is a terminal."""
    if argument is not None:
        return argument
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        return None
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParameterError(f"standard input is not text in UTF-8: {error}") from None
    # The line break that ends the last line is the file's, not the text's.
    return text.removesuffix("\n").removesuffix("\r")


def generate(server: Server, path: str, body: dict[str, Any], show: Callable[[Any], None]) -> bool:
    """Send a request and show each choice of each chunk as it comes; tell whether the end is missing for lack of room.

    Raises
    ------
    ContextFullError
        The text alone does not fit.
    """
    reason = ""
    try:
        with server.request("POST", path, body) as chunks:
            for chunk in chunks:
                for choice in chunk["choices"]:
                    reason = choice.get("finish_reason") or reason
                    show(choice)
    except RequestError as error:
        if error.type != "exceed_context_size_error":
            raise
        raise ContextFullError(str(error)) from None
    return reason == "length" and "max_tokens" not in body
