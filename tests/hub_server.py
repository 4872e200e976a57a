"""A server that speaks the Hub's protocol as far as models need it, and fails to order.

Files are served as the Hub does: the repository's host knows their hashes and sends to another host for the bytes.
What a repository holds it tells huggingface_hub and llama.cpp, each as it asks. There are plain files too, as any web
server has them. What came in is kept, so a test can see which bytes were asked for, and who got the token.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from hub_answers import Fault, Handler, git_hash, send, send_bytes

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
        self._servers = {host: self._listen(host, (address, 0)) for host, address in _ADDRESSES.items()}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> HubServer:
        for server in self._servers.values():
            thread = threading.Thread(target=server.serve_forever, args=[0.02])
            self._threads.append(thread)
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

    def listen(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Answer as the hub on one more port of this machine, with TLS or without; call it before the block."""
        server = self._listen("hub", ("127.0.0.1", port))
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self._servers[f"hub:{port}"] = server

    def ranges(self, path: str) -> list[str]:
        """Return from where on the bytes of a file were asked for, each time; empty for all of it."""
        found = [request for request in self.requests if request.host == "cdn" and path in request.path]
        return [request.headers.get("range", "") for request in found]

    def find(self, path: str) -> list[Request]:
        """Return what was asked for with this in its path."""
        return [request for request in self.requests if path in request.path]

    def _address(self, host: str) -> str:
        return f"http://{_ADDRESSES[host]}:{self._servers[host].server_port}"

    def _listen(self, host: str, address: tuple[str, int]) -> http.server.ThreadingHTTPServer:
        hub = self

        class Answer(Handler):
            def do_GET(self) -> None:
                hub._answer(self, host)

            def do_HEAD(self) -> None:
                hub._answer(self, host)

            def log_message(self, *arguments: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(address, Answer)
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
        asked = re.fullmatch(r"([^/]+/[^/]+)/(?:(refs)|(revision|tree)/(.+))", path)
        if not asked:
            send(handler, 404)
            return
        name, refs, listing_of, revision = asked.groups()
        if self._refuse(handler, name, revision or "main", is_file=False):
            return
        listing = _LISTINGS[refs or listing_of](name, self.repositories[name])
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


def _contents(name: str, repository: Repository) -> dict[str, Any]:
    """Tell what huggingface_hub asks for."""
    siblings: list[dict[str, Any]] = []
    for file, content in sorted(repository.files.items()):
        siblings.append({"rfilename": file, "size": len(content), "blobId": git_hash(content)})
        if len(content) > SMALL_BYTES:
            sha256 = hashlib.sha256(content).hexdigest()
            siblings[-1]["lfs"] = {"size": len(content), "sha256": sha256, "pointerSize": 135}
    return {"id": name, "sha": repository.commit, "siblings": siblings}


def _branches(_: str, repository: Repository) -> dict[str, Any]:
    """Tell what llama.cpp asks for first."""
    return {"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": repository.commit}]}


def _tree(_: str, repository: Repository) -> list[dict[str, Any]]:
    """Tell what llama.cpp asks for next."""
    files: list[dict[str, Any]] = []
    for path, content in sorted(repository.files.items()):
        files.append({"type": "file", "path": path, "size": len(content), "oid": git_hash(content)})
        if len(content) > SMALL_BYTES:
            files[-1]["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 135}
    return files


_LISTINGS = {"revision": _contents, "refs": _branches, "tree": _tree}
