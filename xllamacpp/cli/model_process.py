"""The process of one model behind a router: ``serve``, with the router at the other end of its pipes.

llama.cpp's router starts it by ``python -m`` with llama.cpp's flags (:mod:`xllamacpp.cli.router`), and speaks a
protocol of lines with it (``tools/server/server-models.cpp`` in llama.cpp):

- On standard input comes one command, to end. The end of the input is the end of the router, and so of this process.
- On standard output and error, which are one, it looks for lines that begin with ``cmd_child_to_router:``, and ends on
  one that it does not understand. The log holds words of clients; so everything that is printed here is indented, and
  only the reports are not.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from xllamacpp import CommonParams, Error, Server
from xllamacpp._native import _core
from xllamacpp.cli import logs
from xllamacpp.cli.configuration import Configuration
from xllamacpp.cli.gpu import check_gpu
from xllamacpp.cli.serve import drain, resolve_model, wait_for_failure
from xllamacpp.cli.signals import Stop, stop_on_signals
from xllamacpp.models import find, names
from xllamacpp.progress import show_by

_DOWNLOAD = "download"
_END = b"cmd_router_to_child:exit"
_REPORT = b"cmd_child_to_router:state:"
_REPORTS_EVERY_S = 0.1
_PATIENCE_S = 1.0


class _Router:
    """The router, as its process of a model sees it.

    Attributes
    ----------
    reports : int
        The descriptor that it reads reports from.
    wants_end : threading.Event
        Set once it has told this process to end.
    """

    def __init__(self) -> None:
        self.reports = os.dup(1)
        self.wants_end = threading.Event()
        threading.Thread(target=self._obey, name="xllamacpp-router", daemon=True).start()
        reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.close(writer)
        self._printing = threading.Thread(target=self._indent, args=(reader,), name="xllamacpp-print", daemon=True)
        self._printing.start()

    def report(self, state: str, **payload: object) -> None:
        """Tell it of a state."""
        text = json.dumps({"state": state, "payload": payload}).encode()
        os.write(self.reports, _REPORT + text + b"\n")

    def finish(self) -> None:
        """Let it have the rest of what was printed."""
        sys.stdout.flush()
        sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        # Where something that it has started still holds the pipe, the end of that does not come.
        self._printing.join(_PATIENCE_S)

    def _obey(self) -> None:
        with open(0, "rb", closefd=False) as commands:
            for command in commands:
                if _END in command:
                    self.wants_end.set()
                    main_thread = threading.main_thread().ident
                    assert main_thread is not None, "it runs this program"
                    signal.pthread_kill(main_thread, signal.SIGTERM)
        os._exit(1)

    def _indent(self, reader: int) -> None:
        with open(reader, "rb") as lines:
            # What a pipe keeps together whoever else writes to it: else a report in between would end the line, and the
            # rest stand at the beginning of the next.
            while line := lines.readline(select.PIPE_BUF - 2):
                os.write(self.reports, b" " + line.removesuffix(b"\n") + b"\n")


class _ModelServer(Server):
    """A server that tells the router of its states."""

    def __init__(self, params: CommonParams, reports: int) -> None:
        self._reports = reports
        super().__init__(params)

    def _start(self, params: CommonParams) -> _core.Server:
        return _core.Server(params._native, self._reports)


class _Reported:
    """How far one file of a download has come, told to the router."""

    def __init__(self, router: _Router, name: str) -> None:
        self._router = router
        self._name = name
        self._next = 0.0

    def at(self, position: int, size: int | None) -> None:
        now = time.monotonic()
        if now >= self._next or position == size:
            self._next = now + _REPORTS_EVERY_S
            self._router.report("downloading", url=self._name, downloaded=position, total=size or 0)


def main(arguments: Sequence[str]) -> int:
    """Run the process; return its exit status.

    Parameters
    ----------
    arguments : sequence of str
        llama.cpp's flags.
    """
    # Ctrl-C in a terminal reaches every process of it. The router lets requests finish, and then says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A platform of Google's names a port by these variables: the router's.
    os.environ.pop("AIP_MODE", None)
    router = _Router()
    status = 0
    try:
        with stop_on_signals():
            # The router's threads take no signals, and their processes begin so.
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            if os.environ.get("LLAMA_SERVER_CHILD_MODE") == _DOWNLOAD:
                _fetch(router, arguments)
            _serve(router, arguments)
    except Stop:
        pass
    except Error as error:
        print(f"Error: {error}", file=sys.stderr)
        status = error.exit_code
    except Exception:
        traceback.print_exc()
        status = 1
    router.finish()
    return status


def _serve(router: _Router, arguments: Sequence[str]) -> NoReturn:
    configuration = Configuration.read(arguments)
    params = configuration.params
    logs.show(logs.LogOptions.parse(configuration.arguments, os.environ))
    check_gpu(params)
    resolve_model(params)
    with _ModelServer(params, router.reports) as server:
        try:
            wait_for_failure(server)
        except Stop:
            # The router has waited for what it passed on. Others may end this process too, and then it waits itself.
            drain(server, 0 if router.wants_end.is_set() else configuration.drain_seconds)
            raise


def _fetch(router: _Router, arguments: Sequence[str]) -> NoReturn:
    params = Configuration.read(arguments, with_devices=False).params
    show_by(partial(_Reported, router))
    result = "download_failed"
    try:
        find(names.hub_name(params.model.hf_repo).uri, token=params.hf_token)
        result = "download_finished"
    except Error as error:
        print(f"Error: {error}", file=sys.stderr)
    finally:
        # Without it llama.cpp's router would wait for ever.
        router.report("downloading", result=result)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
