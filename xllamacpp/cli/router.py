"""``xllamacpp serve`` with many models: llama.cpp's router, and a process of ours for each model in use.

llama.cpp's router starts the executable of its own process, which is Python's here; what it puts behind it makes Python
run :mod:`xllamacpp.cli.model_process`. Flags reach the processes as llama.cpp has it, on their command lines, where
those of the router's own count before a preset's. The rest of the configuration reaches them by their environment, and
counts after a preset's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from xllamacpp import ServerError, log
from xllamacpp._native import _core
from xllamacpp.cli.configuration import Configuration
from xllamacpp.models.folders import hub_folder
from xllamacpp.streams import WAIT_MS

# One word, that being all there is room for. "P": a file in the current folder must not get in the place of ours.
_PROGRAM = "-Pmxllamacpp.cli.model_process"

# A process has no TLS, being reached by its router alone, no name but its model's, and no models beside it.
_OF_THE_FRONT = {
    "ssl_file_key": "",
    "ssl_file_cert": "",
    "model_alias": [],
    "models_dir": "",
    "models_preset": "",
}


class Router:
    """Many models behind one address.

    The process is the router's: its environment becomes that of the models' processes.

    Parameters
    ----------
    configuration : Configuration
        What ``serve`` was configured by.

    Attributes
    ----------
    listening_address : str
        Where it listens.

    Raises
    ------
    ParameterError
        The models cannot be listed.
    ServerError
        The socket cannot be opened.
    """

    def __init__(self, configuration: Configuration) -> None:
        if not sys.executable:
            raise ServerError("this Python does not know its own executable, which each model's process has to run")
        arguments, sets = _split(configuration.arguments)
        _hand_on(configuration, sets)
        log.drainer.acquire()
        try:
            self._native = _core.Router(configuration.params._native, sys.executable, arguments)
        except BaseException:
            log.drainer.release()
            raise
        self.listening_address = self._native.listening_address

    def drain(self, timeout: float) -> bool:
        """Take no new requests, and wait until those under way are answered; see :meth:`Server.drain`.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.
        """
        end = time.monotonic() + timeout
        while not self._native.drain(int(min(WAIT_MS, max(0.0, (end - time.monotonic()) * 1000)))):
            if time.monotonic() >= end:
                return False
        return True

    def close(self) -> None:
        """Cut off what runs, and end the processes of all models."""
        self._native.close()
        log.drainer.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _split(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Part llama.cpp's flags from the values of ``--set``, and leave the token out: clients are shown the flags."""
    flags, sets = [], {}
    words = iter(arguments)
    for word in words:
        name = word.replace("_", "-")
        if name == "--set":
            path, _, text = next(words).partition("=")
            sets[path] = _parse(text)
        elif name in ("--hf-token", "-hft"):
            next(words)
        else:
            flags.append(word)
    return flags, sets


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _hand_on(configuration: Configuration, sets: dict[str, Any]) -> None:
    """Put into the environment what the processes of the models shall find there."""
    params = configuration.params
    values = {
        **json.loads(os.environ.get("XLLAMACPP_SET", "{}")),
        **sets,
        # What guards the router guards its processes: they listen where every user of this machine can reach them.
        "api_keys": list(params.api_keys),
        "hf_token": params.hf_token,
        **_OF_THE_FRONT,
    }
    os.environ |= {
        "LLAMA_APP_CMD": _PROGRAM,
        # Models that 'xllamacpp pull' has fetched from the Hub are on the list.
        "LLAMA_CACHE": str(hub_folder()),
        "XLLAMACPP_SET": json.dumps(values),
        "XLLAMACPP_DRAIN_SECONDS": str(configuration.drain_seconds),
    }
    if configuration.file:
        os.environ["XLLAMACPP_CONFIG"] = str(Path(configuration.file).absolute())
    # The router's own; it prints what the processes print.
    os.environ.pop("LLAMA_ARG_LOG_FILE", None)
