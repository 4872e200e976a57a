"""A web server for images, which also does what a server may fetch nothing from: stall, swell, lead elsewhere."""

from __future__ import annotations

import http.server
import threading
from typing import Self


class MediaHost:
    """Serves what it is given, on a free port of 127.0.0.1.

    Attributes
    ----------
    files : dict of str to bytes
        What stands at which path. The paths ``/endless``, ``/slow``, ``/to?ADDRESS`` and ``/missing`` are its own.
    asked : list of str
        Each path that was asked for.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._is_closing = threading.Event()
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                try:
                    self._answer(*self.path.partition("?")[::2])
                except ConnectionError:
                    self.close_connection = True

            def _answer(self, path: str, query: str) -> None:
                content = host.files.get(path)
                if path == "/to":
                    self.send_response(302)
                    self.send_header("Location", query)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif content is not None:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                elif path in ("/endless", "/slow"):
                    self.close_connection = True
                    self.send_response(200)
                    self.end_headers()
                    while not host._is_closing.wait(0.5 if path == "/slow" else 0):
                        self.wfile.write(b"." if path == "/slow" else bytes(1 << 16))
                        self.wfile.flush()
                else:
                    self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def address(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the address of a path, under this name of the host."""
        return f"http://{host}:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
