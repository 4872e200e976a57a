"""A router: ``xllamacpp serve`` with many models, in a process of its own, and what its tests ask of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from xllamacpp.streams import EventParser

# Far more than anything takes on a busy machine; a test that waits this long has failed.
PATIENCE_S = 300.0
_GLANCE_S = 0.05

# Small, quick servers: threads of several that wait for each other would take each other's CPUs.
_QUICK = ("--parallel", "1", "--threads", "1", "--no-warmup")
SMALL = ("--ctx-size", "512", *_QUICK)
# With room for a stream that does not end while a test runs.
LARGE = ("--ctx-size", "32768", *_QUICK)


class RouterProcess:
    """``xllamacpp serve`` with many models.

    Parameters
    ----------
    log : Path
        The file that its standard error goes to.
    *arguments : str or Path
        Its flags; the port is a free one.
    environment : mapping of str, optional
        What its environment has beside ours.

    Attributes
    ----------
    address : str
        Where it listens.
    """

    def __init__(self, log: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "xllamacpp", "serve", "--port", "0", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                encoding="utf-8",
                env={**os.environ, **(environment or {})},
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log
        self.address = line.split()[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        models = self.models()
        with self.process:
            self.process.kill()
        wait_until_gone(models)

    @property
    def log(self) -> str:
        """What is on its standard error so far."""
        return self._log.read_text("utf-8", "replace")

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Send a request, and return the answer whatever it is."""
        return requests.request(method, self.address + path, json=body, timeout=PATIENCE_S, **options)

    def ask(self, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request and return the answer, which has to be JSON and no error."""
        answer = self.send("GET" if body is None else "POST", path, body, **options)
        assert answer.ok, answer.text
        return answer.json()

    @contextmanager
    def stream(self, path: str, body: Mapping[str, Any], **options: Any) -> Iterator[Iterator[Any]]:
        """Send a request for a stream, or follow one, and give what comes, parsed."""
        method = "POST" if body else "GET"
        with self.send(method, path, {**body, "stream": True} if body else None, stream=True, **options) as answer:
            assert answer.ok, answer.text
            parser = EventParser()
            yield (json.loads(text) for data in answer.iter_content(None) for text in parser.feed(data))

    def states(self, **options: Any) -> dict[str, str]:
        """Return the state of each model on the list."""
        return {model["id"]: model["status"]["value"] for model in self.ask("/models", **options)["data"]}

    def wait_for(self, model: str, state: str, **options: Any) -> None:
        """Wait until a model is in a state."""
        wait_until(lambda: self.states(**options)[model] == state)

    def models(self) -> list[psutil.Process]:
        """Return the processes of its models."""
        try:
            return psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


def wait_until(is_so: Callable[[], Any]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(_GLANCE_S)


def wait_until_gone(processes: list[psutil.Process]) -> None:
    """Wait for processes that are not ours to end; fail where one does not."""
    _, alive = psutil.wait_procs(processes, PATIENCE_S)
    for process in alive:
        process.kill()
    assert not alive
