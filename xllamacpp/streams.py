"""Answers that come piece by piece."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

from xllamacpp._native import _core
from xllamacpp.errors import RequestError, RequestTimeoutError, ServerClosedError

# Python sees a signal (Ctrl-C) between two waits, so no native wait is longer. A chunk or an end wakes it at once.
WAIT_MS = 50


class Deadline:
    """A point in time, or never, that waits are cut at."""

    def __init__(self, timeout: float | None) -> None:
        self._end = None if timeout is None else time.monotonic() + timeout

    def wait_ms(self) -> int:
        """Return how long the next wait may be; raise once the time is over."""
        if self._end is None:
            return WAIT_MS
        left = self._end - time.monotonic()
        if left <= 0:
            raise RequestTimeoutError("the answer did not come in time; the request was cancelled")
        return min(WAIT_MS, int(left * 1000) + 1)


class Answer:
    """A native stream with Python's manners: waits that signals interrupt, a deadline, errors as exceptions."""

    def __init__(self, native: _core.Stream, timeout: float | None = None) -> None:
        self._native = native
        self._deadline = Deadline(timeout)

    def open(self) -> _core.Stream:
        """Wait for the head of the answer."""
        try:
            while (opened := self._native.wait_head(self._deadline.wait_ms())) is None:
                pass
        except BaseException:
            # Ctrl-C and timeouts free the slot.
            self._native.cancel()
            raise
        if not opened:
            raise ServerClosedError(self._native.error or "the request was cancelled")
        return self._native

    def next_chunk(self) -> bytes | None:
        """Wait for a chunk; None at the end."""
        try:
            while (chunk := self._native.next(self._deadline.wait_ms())) is None:
                pass
        except BaseException:
            self._native.cancel()
            raise
        if chunk is not False:
            return chunk
        if self._native.error:
            raise ServerClosedError(self._native.error)
        return None

    def read(self) -> bytes:
        """Wait for the whole answer."""
        chunks = []
        while (chunk := self.next_chunk()) is not None:
            chunks.append(chunk)
        return b"".join(chunks)

    def cancel(self) -> None:
        """End the request and free its slot."""
        self._native.cancel()


def raise_for_error(status: int, body: bytes) -> None:
    """Raise the error that an answer of `status` carries; do nothing below 400."""
    if status < 400:
        return
    text = body.decode("utf-8", "replace")
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        parsed = text
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if isinstance(error, dict):
        raise RequestError(str(error.get("message", text)), status, str(error.get("type", "")), parsed)
    raise RequestError(text or f"HTTP status {status}", status, "", parsed)


class EventParser:
    """Cuts server-sent events out of the bytes of an answer.

    Source of the format: the WHATWG HTML standard, section "Server-sent events".
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Take some bytes; give the data of each event that is complete, without keep-alives and ``[DONE]``."""
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
            text = b"\n".join(lines).decode("utf-8", "replace")
            if text and text != "[DONE]":
                yield text


class Stream:
    """The chunks of one streamed answer, as an iterator and as an async iterator.

    Made by :meth:`Server.request` for a body with ``"stream": true``. Leaving a ``with`` block, :meth:`close` and the
    last reference's end each cancel what has not come yet, and free the slot.

    Examples
    --------
    >>> with server.request("POST", "/v1/completions", {"prompt": "Once", "stream": True}) as chunks:
    ...     for chunk in chunks:
    ...         print(chunk["choices"][0]["text"], end="")
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._parser = EventParser()
        self._events: list[str] = []
        self._closed = False

    def next_text(self) -> str | None:
        """Wait for the next chunk and return its JSON text; None at the end.

        Raises
        ------
        RequestError
            The server ended the stream with an error.
        RequestTimeoutError
            The request's ``timeout`` is over.
        ServerClosedError
            The server was closed while the stream ran.
        """
        while not self._events:
            if self._closed or (data := self._answer.next_chunk()) is None:
                self._closed = True
                return None
            self._events.extend(self._parser.feed(data))
        return self._events.pop(0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        text = self.next_text()
        if text is None:
            raise StopIteration
        chunk = json.loads(text)
        if isinstance(chunk, dict) and isinstance(chunk.get("error"), dict):
            self.close()
            raise_for_error(int(chunk["error"].get("code", 500)), text.encode())
        return chunk

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate_async()

    async def _iterate_async(self) -> AsyncIterator[Any]:
        import asyncio  # most programs never need it, and it takes longer to import than this whole package

        end = object()
        try:
            while (chunk := await asyncio.to_thread(next, self, end)) is not end:
                yield chunk
        finally:
            self.close()

    def close(self) -> None:
        """Cancel what has not come yet and free the slot. May be called any number of times, from any thread."""
        self._closed = True
        self._events.clear()
        self._answer.cancel()

    cancel = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
