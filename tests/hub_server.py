"""A server that speaks the Hub's protocol as far as models need it, and fails to order.

Files are served as the Hub does: the repository's host knows their hashes and sends to another host for the bytes.
There are plain files too, as any web server has them. What came in is kept, so a test can see which bytes were asked
for, and who got the token.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_thetokenofthetests"

# What the Hub keeps in git itself, without LFS.
SMALL_BYTES = 1000

# Two hosts, not only two ports: a token may go to the one and not to the other.
_ADDRESSES = {"hub": "127.0.0.1", "cdn": "127.0.0.2"}


@dataclass
class Repository:
    """A repository.

    Parameters
    ----------
    files : dict of str to bytes
        What is in it.
    access : str
        ``public``; ``private``, which only the token sees; or ``gated``, which everybody sees and nobody but the token
        gets.
    """

    files: dict[str, bytes]
    access: str = "public"

    @property
    def commit(self) -> str:
        """Its only commit, which its files make."""
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


@dataclass(frozen=True)
class Request:
    """A request that came in.

    Parameters
    ----------
    host : str
        Who it came to: ``hub``, or ``cdn``, which has the bytes.
    method : str
        ``GET`` or ``HEAD``.
    path : str
        What was asked for.
    headers : dict of str
        What came with it, in small letters.
    """

    host: str
    method: str
    path: str
    headers: dict[str, str]


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


class HubServer:
    """The server; it runs for as long as the ``with`` block.

    Attributes
    ----------
    repositories : dict of str to Repository
        By their names.
    web : dict of str to bytes
        Plain files, by their paths.
    web_headers : dict of str
        What comes with plain files: an ``ETag``, say.
    faults : list of Fault
        What is to go wrong, the first that fits first.
    requests : list of Request
        What came in.
    sent_half : threading.Event
        Set when a file waits for its second half.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.web: dict[str, bytes] = {}
        self.web_headers: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.sent_half = threading.Event()
        self._servers = {host: self._listen(host) for host in _ADDRESSES}
        self._threads = [
            threading.Thread(target=server.serve_forever, args=[0.02]) for server in self._servers.values()
        ]

    def __enter__(self) -> HubServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        for fault in self.faults:
            if fault.wait:
                fault.wait.set()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    @property
    def address(self) -> str:
        """What ``HF_ENDPOINT`` is set to."""
        return self._address("hub")

    def ranges(self, path: str) -> list[str]:
        """Return from where on the bytes of a file were asked for, each time; empty for all of it."""
        found = [request for request in self.requests if request.host == "cdn" and path in request.path]
        return [request.headers.get("range", "") for request in found]

    def find(self, path: str) -> list[Request]:
        """Return what was asked for with this in its path."""
        return [request for request in self.requests if path in request.path]

    def _address(self, host: str) -> str:
        return f"http://{_ADDRESSES[host]}:{self._servers[host].server_port}"

    def _listen(self, host: str) -> http.server.ThreadingHTTPServer:
        hub = self

        class Answer(Handler):
            def do_GET(self) -> None:
                hub._answer(self, host)

            def do_HEAD(self) -> None:
                hub._answer(self, host)

            def log_message(self, *arguments: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer((_ADDRESSES[host], 0), Answer)
        server.daemon_threads = True
        return server

    def _answer(self, handler: Handler, host: str) -> None:
        path = unquote(urlsplit(handler.path).path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(Request(host, handler.command, path, headers))
        fault = self._take_fault(f"{host}:{path}")
        if fault and fault.status:
            send(handler, fault.status, fault.headers, fault.body)
        elif host == "cdn":
            self._send_blob(handler, path.removeprefix("/"), fault)
        elif path.startswith("/api/models/"):
            self._send_listing(handler, path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            self._send_file(handler, path)
        elif path in self.web:
            self._send_web(handler, self.web[path], fault)
        else:
            send(handler, 404)

    def _take_fault(self, where: str) -> Fault | None:
        for fault in self.faults:
            if fault.where in where and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _refuse(self, handler: Handler, name: str, revision: str, is_file: bool) -> bool:
        """Answer as the Hub does to those who may not see something; tell whether it did."""
        repository = self.repositories.get(name)
        given = handler.headers.get("Authorization", "")
        if given not in ("", f"Bearer {TOKEN}"):
            send(handler, 401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif repository is None or (repository.access == "private" and not given):
            send(handler, 404 if given else 401, {"X-Error-Code": "RepoNotFound"})
        elif is_file and repository.access == "gated" and not given:
            send(handler, 401, {"X-Error-Code": "GatedRepo"})
        elif revision not in ("main", "v1", repository.commit):
            send(handler, 404, {"X-Error-Code": "RevisionNotFound"})
        else:
            return False
        return True

    def _send_listing(self, handler: Handler, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        if self._refuse(handler, name, revision, is_file=False):
            return
        repository = self.repositories[name]
        siblings: list[dict[str, Any]] = []
        for file, content in sorted(repository.files.items()):
            siblings.append({"rfilename": file, "size": len(content), "blobId": git_hash(content)})
            if len(content) > SMALL_BYTES:
                sha256 = hashlib.sha256(content).hexdigest()
                siblings[-1]["lfs"] = {"size": len(content), "sha256": sha256, "pointerSize": 135}
        listing = {"id": name, "sha": repository.commit, "siblings": siblings}
        send(handler, 200, {"Content-Type": "application/json"}, json.dumps(listing).encode())

    def _send_file(self, handler: Handler, path: str) -> None:
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        if self._refuse(handler, name, revision, is_file=True):
            return
        repository = self.repositories[name]
        if file not in repository.files:
            send(handler, 404, {"X-Error-Code": "EntryNotFound"})
            return
        content = repository.files[file]
        headers = {"X-Repo-Commit": repository.commit}
        if len(content) <= SMALL_BYTES:
            send(handler, 200, {**headers, "ETag": f'"{git_hash(content)}"'}, content)
            return
        sha256 = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        send(handler, 302, {**headers, **linked, "Location": f"{self._address('cdn')}/{sha256}/{file}"})

    def _send_blob(self, handler: Handler, path: str, fault: Fault | None) -> None:
        sha256 = path.partition("/")[0]
        for repository in self.repositories.values():
            for content in repository.files.values():
                if hashlib.sha256(content).hexdigest() == sha256:
                    send_bytes(handler, content, {"ETag": f'"{sha256}"'}, fault, self.sent_half.set)
                    return
        send(handler, 403)

    def _send_web(self, handler: Handler, content: bytes, fault: Fault | None) -> None:
        etag, date = self.web_headers.get("ETag"), self.web_headers.get("Last-Modified")
        known = handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since")
        if (etag and known[0] == etag) or (date and known[1] == date):
            send(handler, 304, self.web_headers)
        else:
            send_bytes(handler, content, self.web_headers, fault, self.sent_half.set)


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
