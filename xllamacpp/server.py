"""A model, its slots, and both doors to them: requests from this process, and the HTTP socket."""

from __future__ import annotations

import json
import math
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from xllamacpp import log
from xllamacpp._native import _core
from xllamacpp._native.backends import load_backends
from xllamacpp.errors import ModelLoadError, ParameterError, ServerClosedError
from xllamacpp.params import CommonParams
from xllamacpp.streams import WAIT_MS, Answer, Stream, raise_for_error

Json = dict[str, Any]
Text = TypeVar("Text", str, bytes)


class Server:
    """Loads a model and answers requests, from this process and over HTTP.

    The constructor returns when the model is loaded. Every method may be called from any thread; requests that run at
    the same time share the slots (``params.n_parallel``) and are decoded together. Several servers can live side by
    side. A server belongs to the process that made it: after a fork, make it in the child.

    Parameters
    ----------
    params : CommonParams
        The configuration; the server takes a copy. ``model.path`` must be set.
    progress : callable, optional
        Called now and then during the load with the part that is done, 0.0 to 1.0.

    Attributes
    ----------
    listening_address : str
        Where the HTTP server listens, e.g. ``"http://127.0.0.1:43127"``.

    Raises
    ------
    ParameterError
        `params` is no :class:`CommonParams`, or holds what does not go together or not with this model; the text says
        what to set. llama.cpp has not loaded anything then.
    ModelLoadError
        llama.cpp could not load the model, or the socket could not be opened; the text says why and ``log`` has
        llama.cpp's lines.

    Examples
    --------
    >>> params = CommonParams()
    >>> params.model.path = "model.gguf"
    >>> with Server(params) as server:
    ...     answer = server.handle_completions({"prompt": "Once upon a time", "max_tokens": 32})
    """

    def __init__(self, params: CommonParams, *, progress: Callable[[float], object] | None = None) -> None:
        if not isinstance(params, CommonParams):
            raise ParameterError(f"params is a {type(params).__name__}; pass a CommonParams")
        params.validate()
        load_backends()
        self._process = os.getpid()
        self._native = self._start(params)
        log.drainer.acquire()
        # Runs when the last reference goes, and before the interpreter does: a native thread must not outlive what it
        # logs to. Not a bound method: that would keep the server alive.
        self._finalizer = weakref.finalize(self, _close, self._native, self._process)
        try:
            self._wait_loaded(progress)
        except BaseException:
            self.close()
            raise

    def _start(self, params: CommonParams) -> _core.Server:
        return _core.Server(params._native)

    def _wait_loaded(self, progress: Callable[[float], object] | None) -> None:
        # Python runs signal handlers between two waits, so Ctrl-C ends a load.
        while (state := self._native.wait_loaded(WAIT_MS)) == _core.LOADING:
            if progress is not None:
                progress(self._native.progress)
        if self._native.is_refused:
            raise ParameterError(self._native.error)
        if state != _core.READY:
            lines = [text for _, text in self._native.error_log]
            errors = [text for level, text in self._native.error_log if level >= 4]
            # llama.cpp says some of them once for each attempt that it makes.
            reason = "".join(f"\n  {text}" for text in dict.fromkeys(errors or lines))
            raise ModelLoadError(f"{self._native.error}{reason}", lines)
        if progress is not None:
            progress(1.0)
        self.listening_address: str = self._native.listening_address

    def __repr__(self) -> str:
        state = self.listening_address if self._native.state == _core.READY else "closed"
        return f"<xllamacpp.Server {state}>"

    # Requests

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Any] | str | bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a request to any route, as a client over HTTP would, without the socket.

        Parameters
        ----------
        method : str
            ``"GET"``, ``"POST"`` or ``"DELETE"``.
        path : str
            The route, with its query if it has one: ``"/v1/completions"``, ``"/slots/0?action=erase"``.
        body : dict, list, str, bytes, optional
            The body; a dict or list is sent as JSON, text as it is.
        headers : dict of str, optional
            HTTP headers. API keys guard the socket only and are not needed here.
        timeout : float, optional
            Seconds for the whole answer; None waits for as long as it takes.

        Returns
        -------
        dict, list, str or Stream
            Parsed JSON; text for other content types (``/metrics``); a :class:`Stream` of chunks where the answer is
            streamed (``"stream": true``).

        Raises
        ------
        RequestError
            The server answered with an error (status 400 or above).
        RequestTimeoutError
            The time is over; the request was cancelled.
        ServerClosedError
            The server is closed, or draining.
        """
        answer = self._send(method, path, body, headers, timeout)
        head = answer.open()
        if head.status < 400 and head.is_streamed and head.content_type.startswith("text/event-stream"):
            return Stream(answer)
        data = answer.read()
        raise_for_error(head.status, data)
        if head.content_type.startswith("application/json"):
            return json.loads(data) if data else None
        return data.decode("utf-8", "replace")

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Any] | str | bytes | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        if os.getpid() != self._process:
            raise ServerClosedError(
                f"this server lives in process {self._process}, not in this one ({os.getpid()}): threads do not "
                "survive a fork. Make the server in the child process"
            )
        if body is None:
            data = b""
        elif isinstance(body, bytes):
            data = body
        elif isinstance(body, str):
            data = body.encode("utf-8", "surrogatepass")
        else:
            data = json.dumps(body).encode()
        return Answer(self._native.request(method.upper(), path, data, dict(headers or {})), timeout)

    @property
    def routes(self) -> list[str]:
        """Every route of this server, as ``"POST /v1/completions"``."""
        return self._native.routes

    # The document's methods: a dict for a dict, text for text, errors included

    @overload
    def handle_completions(self, prompt: Json, callback: Callable[[Json], object] | None = None) -> Json | None: ...
    @overload
    def handle_completions(self, prompt: Text, callback: Callable[[Text], object] | None = None) -> Text | None: ...
    def handle_completions(self, prompt: Any, callback: Any = None) -> Any:
        """Complete a prompt, as ``POST /v1/completions`` does.

        Parameters
        ----------
        prompt : dict, str or bytes
            The request: a dict, or its JSON text.
        callback : callable, optional
            With ``"stream": true``: called with each chunk, of the request's type. Returning True ends the stream
            after that chunk. An exception in it ends the stream, frees the slot and reaches the caller. Without
            ``"stream"`` it is called once, with the answer.

        Returns
        -------
        dict, str, bytes or None
            The answer, of the request's type; an error is an answer with ``"error"``. None where a callback took it.

        Raises
        ------
        ParameterError
            The request asks for a stream and there is no callback to take it.
        ServerClosedError
            The server is closed.
        """
        return self._handle("/v1/completions", prompt, callback)

    @overload
    def handle_chat_completions(
        self, prompt: Json, callback: Callable[[Json], object] | None = None
    ) -> Json | None: ...
    @overload
    def handle_chat_completions(
        self, prompt: Text, callback: Callable[[Text], object] | None = None
    ) -> Text | None: ...
    def handle_chat_completions(self, prompt: Any, callback: Any = None) -> Any:
        """Answer a chat, as ``POST /v1/chat/completions`` does; see :meth:`handle_completions`."""
        return self._handle("/v1/chat/completions", prompt, callback)

    @overload
    def handle_embeddings(self, prompt: Json) -> Json: ...
    @overload
    def handle_embeddings(self, prompt: Text) -> Text: ...
    def handle_embeddings(self, prompt: Any) -> Any:
        """Embed texts, as ``POST /v1/embeddings`` does.

        Parameters
        ----------
        prompt : dict, str or bytes
            The request, e.g. ``{"input": ["a text", "another"]}``, or its JSON text.

        Returns
        -------
        dict, str or bytes
            The answer, of the request's type; an error is an answer with ``"error"``.
        """
        return self._handle("/v1/embeddings", prompt, None)

    @overload
    def handle_rerank(self, prompt: Json) -> Json: ...
    @overload
    def handle_rerank(self, prompt: Text) -> Text: ...
    def handle_rerank(self, prompt: Any) -> Any:
        """Rank documents by relevance, as ``POST /v1/rerank`` does.

        Parameters
        ----------
        prompt : dict, str or bytes
            The request, e.g. ``{"query": "...", "documents": ["...", "..."], "top_n": 3}``, or its JSON text.

        Returns
        -------
        dict, str or bytes
            The answer, of the request's type; an error is an answer with ``"error"``.
        """
        return self._handle("/v1/rerank", prompt, None)

    def handle_metrics(self) -> str:
        """Return the metrics in Prometheus's text format; needs ``params.endpoint_metrics = True``.

        Raises
        ------
        RequestError
            The metrics are not enabled.
        """
        metrics: str = self.request("GET", "/metrics")
        return metrics

    def _handle(self, path: str, prompt: Any, callback: Callable[[Any], object] | None) -> Any:
        convert = _converter(prompt)
        request = _parse_request(prompt)
        if request.get("stream") and callback is None:
            raise ParameterError(
                'the request has "stream": true but nobody takes the chunks: pass a callback, or use Server.request, '
                "which returns an iterator"
            )
        answer = self._send("POST", path, prompt)
        head = answer.open()
        if not head.is_streamed:
            result = convert(answer.read().decode("utf-8", "replace"))
            if callback is None:
                return result
            callback(result)
            return None
        assert callback is not None
        with Stream(answer) as chunks:
            while (text := chunks.next_text()) is not None:
                if callback(convert(text)) is True:
                    break
        return None

    # The end

    def drain(self, timeout: float | None = None) -> bool:
        """Take no new requests, and wait until those under way are answered.

        From here on there is no way back: over HTTP new requests get status 503 with ``Retry-After``, ``/health`` too,
        and from this process they raise. The model and the socket stay until :meth:`close`.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most, 0 or more; None waits for as long as it takes. A stream that somebody reads slowly,
            or not at all, takes as long as they do.

        Returns
        -------
        bool
            True: everything was answered. False: the time is over and something is still under way; another call waits
            on, :meth:`close` cancels it.

        Raises
        ------
        ParameterError
            `timeout` is negative or no number.

        Examples
        --------
        >>> if not server.drain(timeout=30):
        ...     print("some answers will be cut off")
        >>> server.close()
        """
        if timeout is not None and not timeout >= 0:
            raise ParameterError(f"timeout is {timeout}; expected seconds, 0 or more, or None")
        end = math.inf if timeout is None else time.monotonic() + timeout
        # Python runs signal handlers between two waits, so Ctrl-C ends this one.
        while not self._native.drain(math.ceil(min(WAIT_MS, max(0.0, (end - time.monotonic()) * 1000)))):
            if time.monotonic() >= end:
                return False
        return True

    def close(self) -> None:
        """Cancel what runs, close the socket, free the model and end every thread of this server.

        Returns when nothing of it is left. May be called any number of times, from any thread. :meth:`drain` before it
        lets what runs finish.
        """
        self._finalizer()
        # A second caller waits here until the first is done.
        if os.getpid() == self._process:
            self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _close(native: _core.Server, process: int) -> None:
    # The child of a fork has the object but none of its threads: joining them would wait for ever.
    if os.getpid() == process:
        native.close()
        log.drainer.release()


def _converter(prompt: object) -> Callable[[str], Any]:
    """Return what turns an answer's JSON text into the request's own type."""
    if isinstance(prompt, bytes):
        return str.encode
    if isinstance(prompt, str):
        return str
    if isinstance(prompt, Mapping):
        return json.loads
    raise ParameterError(f"the request is a {type(prompt).__name__}; pass a dict, or its JSON as str or bytes")


def _parse_request(prompt: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    if isinstance(prompt, Mapping):
        return prompt
    try:
        request = json.loads(prompt)
    except ValueError:
        return {}  # the server says what is wrong with it
    return request if isinstance(request, dict) else {}
