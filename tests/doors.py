"""The two ways to a server, behind one face: what a test asks through one, it can ask through the other.

Which way was gone, streamed or not, and on which model, is written down on the test for docs/capabilities.md.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

import xllamacpp as xlc
from xllamacpp.streams import EventParser, raise_for_error

_PATIENCE_S = 300

# The hash that tests/models puts behind the name of a file that it writes.
_VERSION = re.compile(r"-[0-9a-f]{12}$")

Witness = Callable[[str, bool, str], None]

MakeParams = Callable[..., xlc.CommonParams]
"""What the fixture ``params`` gives."""

streamed = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
"""For a test that asks for an answer whole, and once more in chunks."""


class Door(ABC):
    """A way to a server.

    Parameters
    ----------
    server : Server
        The server.
    witness : callable
        Is told the door's name, whether the answer is streamed, and the model's name, each time an answer has come.
    """

    name: ClassVar[str]

    def __init__(self, server: xlc.Server, witness: Witness) -> None:
        self.server = server
        self._witness = witness

    def ask(self, path: str, body: Any = None, *, method: str = "", headers: Mapping[str, str] | None = None) -> Any:
        """Send a request and return the whole answer: parsed JSON, or text; None where it is empty.

        Parameters
        ----------
        path : str
            The route.
        body : object, optional
            The body; a text is sent as it is.
        method : str, optional
            By default POST with a body, else GET.
        headers : dict of str, optional
            Headers.

        Raises
        ------
        RequestError
            The answer is an error. (The methods named ``handle_`` would return it.)
        """
        with self._witnessed(is_streamed=False):
            return self._ask(method or ("GET" if body is None else "POST"), path, body, headers or {})

    def stream(
        self, path: str, body: Mapping[str, Any] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> list[Any]:
        """Send a request with ``"stream": true`` and return all chunks of the answer, parsed.

        Parameters
        ----------
        path : str
            The route.
        body : dict, optional
            The body; without one it is a GET of what is a stream anyway.
        headers : dict of str, optional
            Headers.

        Raises
        ------
        RequestError
            The answer is an error.
        """
        with self._witnessed(is_streamed=True):
            return self._stream(path, body and {**body, "stream": True}, headers or {})

    @contextmanager
    def _witnessed(self, *, is_streamed: bool) -> Iterator[None]:
        try:
            yield
        except xlc.RequestError:
            # A refusal is an answer too.
            self._saw(is_streamed=is_streamed)
            raise
        self._saw(is_streamed=is_streamed)

    def _saw(self, *, is_streamed: bool) -> None:
        model = Path(self.server.request("GET", "/props")["model_path"]).stem
        self._witness(self.name, is_streamed, _VERSION.sub("", model))

    @abstractmethod
    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any: ...

    @abstractmethod
    def _stream(self, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> list[Any]: ...


class PythonDoor(Door):
    """Methods of the server: the one that the mission's document names for a route, else ``request``."""

    name = "Python"

    _METHODS: ClassVar = {
        "/v1/completions": xlc.Server.handle_completions,
        "/v1/chat/completions": xlc.Server.handle_chat_completions,
        "/v1/embeddings": xlc.Server.handle_embeddings,
        "/v1/rerank": xlc.Server.handle_rerank,
    }

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        if method == "POST" and path in self._METHODS and isinstance(body, dict) and not headers:
            return _refused_as_error(self._METHODS[path](self.server, body))
        return self.server.request(method, path, body, headers=headers)

    def _stream(self, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> list[Any]:
        if path not in self._METHODS or headers:
            with self.server.request("POST" if body else "GET", path, body, headers=headers) as stream:
                return list(stream)
        chunks: list[Any] = []

        def take(chunk: Any) -> None:
            chunks.append(_refused_as_error(chunk))

        self._METHODS[path](self.server, body, take)
        return chunks


class HttpDoor(Door):
    """The socket, and a client that knows nothing of us."""

    name = "HTTP"

    def _ask(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
        with self._send(method, path, body, headers) as answer:
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
            return (answer.json() if answer.content else None) if is_json else answer.text

    def _stream(self, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> list[Any]:
        parser = EventParser()
        with self._send("POST" if body else "GET", path, body, headers) as answer:
            texts = [text for data in answer.iter_content(None) for text in parser.feed(data)]
        return [json.loads(text) for text in texts]

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> requests.Response:
        url = self.server.listening_address + path
        sent = {"data": body.encode()} if isinstance(body, str) else {"json": body}
        answer = requests.request(method, url, **sent, headers=headers, stream=True, timeout=_PATIENCE_S)
        if answer.status_code >= 400:
            with answer:
                raise_for_error(answer.status_code, answer.content)
        return answer


DOORS = (PythonDoor, HttpDoor)

OpenDoor = Callable[[xlc.Server], Door]
"""What the fixture ``door`` gives."""


def _refused_as_error(answer: Any) -> Any:
    if isinstance(answer, dict) and isinstance(error := answer.get("error"), dict):
        raise xlc.RequestError(str(error.get("message")), int(error["code"]), str(error.get("type")), answer)
    return answer
