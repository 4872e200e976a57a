"""What ``serve`` is configured by: flags, environment variables and files. ``health`` reads the same."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from xllamacpp import CommonParams, ParameterError

# llama.cpp's own. A server in a program takes a free port instead.
_PORT = 8080

# Less than the ten seconds that `docker stop` gives, with what closing may take.
_DRAIN_SECONDS = 8.0

# What a value of each is, beside llama.cpp's flags.
_FLAGS = {"--config": "the path of a TOML, YAML or JSON file", "--drain-seconds": "seconds, 0 or more"}

_PREFIX = "XLLAMACPP_"
# What says, beside the lists of models themselves, that there are to be many.
_MANY = ("--models-", "--no-models-", "LLAMA_ARG_MODELS_", "LLAMA_ARG_NO_MODELS_")
# All that are read, here and elsewhere: what is nearly one of them is misspelt.
_VARIABLES = ("CACHE", "CONFIG", "CPU_MODULE", "DEBUG", "DRAIN_SECONDS", "REQUIRE_GPU", "SET")


@dataclass(frozen=True)
class Configuration:
    """How a server is to be.

    Parameters
    ----------
    params : CommonParams
        Its parameters; ``model.path`` may still be a name.
    arguments : list of str
        The flags that are llama.cpp's, of which `params` was made.
    drain_seconds : float
        How long the requests under way may take when it is told to end.
    file : str, optional
        The configuration file, or empty.
    """

    params: CommonParams
    arguments: list[str]
    drain_seconds: float
    file: str = ""

    @property
    def is_router(self) -> bool:
        """Whether it is to serve many models, each in a process of its own."""
        return not _has_model(self.params) and _has_many(self.params, self.arguments)

    @classmethod
    def read(cls, arguments: Sequence[str], *, with_devices: bool = True) -> Self:
        """Read a command line, the environment, and the files that these name.

        Parameters
        ----------
        arguments : sequence of str
            Flags: llama.cpp's and our own.
        with_devices : bool, optional
            Whether to load the backends first. Without them it is quick, and does not complain of what cannot be
            offloaded. A router has no use for them.

        Raises
        ------
        ParameterError
            A flag, a variable, or a value in a file is wrong.
        """
        _check_variables()
        own, rest = take_flags(arguments, _FLAGS)
        config = own.get("--config") or os.environ.get("XLLAMACPP_CONFIG")
        params = CommonParams.from_file(config, port=_PORT) if config else CommonParams(port=_PORT)
        if with_devices and not _has_many(params, rest):
            params.parse_arguments(rest)
        else:
            _parse_without_devices(params, rest)
        if not (_has_model(params) or params.models_dir or params.models_preset):
            params.model.path = os.environ.get("MODEL", "")
        return cls(params, rest, _drain_seconds(own), config or "")


def take_flags(arguments: Sequence[str], flags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Part some flags, with their values, from the rest of a command line.

    Parameters
    ----------
    arguments : sequence of str
        The command line: ``--flag VALUE`` or ``--flag=VALUE``.
    flags : mapping of str
        The flags, and what their values are.

    Returns
    -------
    dict of str, list of str
        The values by flag, and the rest.

    Raises
    ------
    ParameterError
        A value is missing.
    """
    values, rest = {}, []
    words = iter(arguments)
    for word in words:
        name, has_value, value = word.partition("=")
        name = name.replace("_", "-")
        if name not in flags:
            rest.append(word)
        elif found := value if has_value else next(words, ""):
            values[name] = found
        else:
            raise ParameterError(f"{name}: a value is missing: {flags[name]}")
    return values, rest


def parse_seconds(setting: str, value: str) -> float:
    """Read a time.

    Parameters
    ----------
    setting : str
        What was set, with its value, for the message.
    value : str
        The value.

    Raises
    ------
    ParameterError
        It is no time.
    """
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ParameterError(f"{setting}: expected seconds, 0 or more")
    return seconds


def _has_model(params: CommonParams) -> bool:
    model = params.model
    return bool(model.path or model.hf_repo or model.url or model.docker_repo)


def _has_many(params: CommonParams, arguments: Sequence[str]) -> bool:
    """Tell whether models are named in the way of a router: by a list, or by anything that is for routers alone."""
    words = [*(argument.replace("_", "-") for argument in arguments), *os.environ]
    return bool(params.models_dir or params.models_preset) or any(word.startswith(_MANY) for word in words)


def _drain_seconds(own: Mapping[str, str]) -> float:
    flag, variable = "--drain-seconds", "XLLAMACPP_DRAIN_SECONDS"
    if value := own.get(flag):
        return parse_seconds(f"{flag} {value}", value)
    if value := os.environ.get(variable):
        return parse_seconds(f"{variable}={value}", value)
    return _DRAIN_SECONDS


def _check_variables() -> None:
    for name in os.environ:
        rest = name.removeprefix(_PREFIX)
        if rest == name or rest in _VARIABLES:
            continue
        if near := difflib.get_close_matches(rest, _VARIABLES, n=1, cutoff=0.75):
            raise ParameterError(f"{name}: there is no such environment variable; did you mean {_PREFIX}{near[0]}?")


def _parse_without_devices(params: CommonParams, arguments: list[str]) -> None:
    try:
        with _no_native_output():
            params._native.parse_arguments(arguments, all_sources=True)
    except ParameterError:
        # Some settings name devices, and those are known to the backends only.
        params.parse_arguments(arguments)


@contextmanager
def _no_native_output() -> Iterator[None]:
    """Keep what llama.cpp's parser prints on standard error, past its log, to itself."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
