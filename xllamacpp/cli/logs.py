"""llama.cpp's log on standard error, or nowhere, as llama.cpp's own flags have it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TextIO

import click

from xllamacpp.errors import ParameterError

_COLORS = {logging.DEBUG: "bright_black", logging.WARNING: "yellow", logging.ERROR: "red"}


@dataclass(frozen=True)
class LogOptions:
    """What llama.cpp's flags say about its log; how much of it there is, llama.cpp itself sees to.

    Parameters
    ----------
    file : str
        A file that gets every line too, or empty.
    is_disabled : bool
        Whether to show nothing.
    has_colors : bool or None
        None has colours on a terminal.
    has_prefix : bool
        Whether lines begin with the first letter of their level.
    has_timestamps : bool
        Whether lines begin with the seconds since the start; only with a prefix.
    is_jsonl : bool
        Whether each line is a JSON object, on standard output.
    """

    file: str = ""
    is_disabled: bool = False
    has_colors: bool | None = None
    has_prefix: bool = True
    has_timestamps: bool = True
    is_jsonl: bool = False

    @classmethod
    def parse(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> LogOptions:
        """Pick the flags on the log out of a command line that llama.cpp's parser has accepted.

        That parser hands them to a printer, which a library has none of.
        """
        options = cls()
        for name in ("file", "colors", "prefix", "timestamps", "jsonl"):
            value = environment.get(f"LLAMA_ARG_LOG_{name.upper()}")
            if f"LLAMA_ARG_NO_LOG_{name.upper()}" in environment:
                value = "off"
            if value is not None:
                options = options._with(f"--log-{name}", value)
        for flag, value in zip_longest(arguments, arguments[1:], fillvalue=""):
            flag = flag.replace("_", "-")
            if flag in ("--log-file", "--log-colors"):
                options = options._with(flag, value)
            elif flag.startswith("--no-log-"):
                options = options._with("--" + flag.removeprefix("--no-"), "off")
            elif flag.startswith("--log-"):
                options = options._with(flag, "on")
        return options

    def _with(self, flag: str, value: str) -> LogOptions:
        is_on = value in ("on", "enabled", "true", "1")
        match flag:
            case "--log-file":
                return replace(self, file=value)
            case "--log-disable":
                return replace(self, is_disabled=True)
            case "--log-colors":
                return replace(self, has_colors=None if value in ("auto", "-1") else is_on)
            case "--log-prefix":
                return replace(self, has_prefix=is_on)
            case "--log-timestamps":
                return replace(self, has_timestamps=is_on)
            case "--log-jsonl":
                return replace(self, is_jsonl=is_on)
        return self


class _Printer(logging.Handler):
    """Prints on what standard error is at that moment: a progress bar puts itself in its place for a while."""

    def __init__(self, options: LogOptions) -> None:
        super().__init__()
        has_colors = sys.stderr.isatty() if options.has_colors is None else options.has_colors
        self._is_jsonl = options.is_jsonl
        self.setFormatter(_JsonFormatter() if options.is_jsonl else _TextFormatter(options, has_colors))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stream: TextIO = sys.stdout if self._is_jsonl else sys.stderr
            stream.write(self.format(record) + "\n")
            stream.flush()
        except OSError:
            # Whoever read the log is gone; the server need not go too.
            pass


class _TextFormatter(logging.Formatter):
    def __init__(self, options: LogOptions, has_colors: bool) -> None:
        super().__init__()
        self._options = options
        self._has_colors = has_colors

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if self._options.has_prefix:
            text = f"{record.levelname[0]} {text}"
            if self._options.has_timestamps:
                text = f"{record.relativeCreated / 1000:.3f} {text}"
        return click.style(text, fg=_COLORS.get(record.levelno)) if self._has_colors else text


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "type": "log",
                "time": int(record.relativeCreated * 1000),
                "level": "warn" if record.levelno == logging.WARNING else record.levelname.lower(),
                "msg": record.getMessage(),
            }
        )


def show(options: LogOptions) -> None:
    """Print the log from now on."""
    logger = _take_over()
    if options.is_disabled:
        return
    logger.addHandler(_Printer(options))
    if options.file:
        try:
            to_file = logging.FileHandler(options.file, mode="w", encoding="utf-8")
        except OSError as error:
            raise ParameterError(f"--log-file {options.file}: {error.strerror}") from None
        to_file.setFormatter(_JsonFormatter() if options.is_jsonl else _TextFormatter(options, has_colors=False))
        logger.addHandler(to_file)


def hide() -> None:
    """Print nothing of the log."""
    _take_over().setLevel(logging.CRITICAL + 1)


def _take_over() -> logging.Logger:
    logger = logging.getLogger("xllamacpp")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return logger
