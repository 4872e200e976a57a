"""What a server of files answers, as it should or with a fault."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

Handler = http.server.BaseHTTPRequestHandler


@dataclass
class Fault:
    """Something that goes wrong.

    Parameters
    ----------
    where : str
        A part of the path that it goes wrong at.
    times : int, optional
        How often.
    status : int, optional
        An answer that is no file.
    headers : dict of str, optional
        What the answer has beside.
    body : bytes, optional
        What it says.
    cut_at : int, optional
        How many bytes come before the connection ends.
    is_corrupt : bool, optional
        Whether one byte is another.
    wait : threading.Event, optional
        What half of the bytes wait for.
    """

    where: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_at: int | None = None
    is_corrupt: bool = False
    wait: threading.Event | None = None


def git_hash(content: bytes) -> str:
    """Return the hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def send(handler: Handler, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
    """Send a whole answer."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if status != 304:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)


def send_bytes(
    handler: Handler, content: bytes, headers: dict[str, str], fault: Fault | None, sent_half: Callable[[], None]
) -> None:
    """Send a file, or the part of it that was asked for, as far as it goes well."""
    start, wanted = 0, handler.headers.get("Range")
    if wanted and handler.headers.get("If-Range") in (None, *headers.values()):
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    if start >= len(content) > 0:
        send(handler, 416, {**headers, "Content-Range": f"bytes */{len(content)}"})
        return
    handler.send_response(206 if start else 200)
    for name, value in headers.items():
        handler.send_header(name, value)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    if handler.command == "HEAD":
        return
    body = bytearray(content[start:])
    if fault and fault.is_corrupt:
        body[len(body) // 2] ^= 1
    if fault and fault.cut_at is not None:
        handler.wfile.write(body[: fault.cut_at])
        handler.connection.shutdown(socket.SHUT_WR)
        return
    half = len(body) // 2 if fault and fault.wait else 0
    try:
        handler.wfile.write(body[:half])
        if fault and fault.wait:
            handler.wfile.flush()
            sent_half()
            fault.wait.wait(60)
        handler.wfile.write(body[half:])
    except OSError:
        # The client was killed.
        pass
