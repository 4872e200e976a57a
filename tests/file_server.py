"""Serves a folder over HTTP, as a site of files does, and remembers what it was asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote


class FileServer:
    """A server on a port of its own; a context manager.

    Parameters
    ----------
    folder : Path
        What it serves.
    types : mapping of str to str, optional
        Content types by the ends of files' names, where they are not the usual ones.
    """

    def __init__(self, folder: Path, types: Mapping[str, str] = MappingProxyType({})) -> None:
        self.asked: list[str] = []
        handler = functools.partial(_Handler, self.asked, types, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def names(self) -> list[str]:
        """Return the names of the files that it was asked for, since the last call."""
        found = [unquote(path).rpartition("/")[2] for path in self.asked]
        self.asked.clear()
        return found

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, asked: list[str], types: Mapping[str, str], *arguments: Any, **given: Any) -> None:
        # Before the base class, which answers the request in its constructor.
        self.asked = asked
        self.extensions_map = {**self.extensions_map, **types}
        super().__init__(*arguments, **given)

    def log_message(self, *_: object) -> None:
        pass

    def log_request(self, *_: object) -> None:
        self.asked.append(self.path)
