"""The processes of the private engine: how they start, how it is known that they run, and how they end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import DockerException, NotFound

from engines.errors import EngineUnavailableError
from engines.isolation import find_isolated, isolated

# Of the oldest engine that builds our Dockerfiles, 25.
API_VERSION = "1.44"

# The engine puts sockets here whatever it is told. It gets them for itself, empty: those of another engine stay.
SHARED_FOLDERS = ("/run/containerd", "/run/docker")

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 60.0

_HIDE_SHARED_FOLDERS = f"""
for folder in {" ".join(SHARED_FOLDERS)}; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder" || exit 1; done
exec "$@"
"""


class EngineProcess:
    """The engine that a configuration file describes.

    Parameters
    ----------
    configuration : Path
        dockerd's; it also tells this engine from every other one.
    address : str
        Where it answers, as ``unix://PATH``.
    log : Path
        What it says goes there.
    """

    def __init__(self, configuration: Path, address: str, log: Path) -> None:
        self._configuration = configuration
        self._address = address
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str], *, ends_with_caller: bool) -> None:
        """Start it, and wait until it answers; it has no containers and no networks then.

        Parameters
        ----------
        environment : mapping of str
            Its PATH has the engine's programs.
        ends_with_caller : bool
            Whether it is killed when the thread that starts it ends.

        Raises
        ------
        EngineUnavailableError
            It does not start; with the end of its log.
        """
        program = ["dockerd", "--config-file", str(self._configuration)]
        with self._log.open("wb") as log:
            process = self._process = subprocess.Popen(
                isolated(["sh", "-c", _HIDE_SHARED_FOLDERS, "sh", *program], ends_with_caller=ends_with_caller),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Else Ctrl-C in a terminal would end it before the session has removed what it made.
                start_new_session=True,
            )
        if not _wait_until(self._answers, _START_TIMEOUT_S, unless=lambda: process.poll() is not None):
            last = "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise EngineUnavailableError(f"the private engine does not start; the end of its log:\n{last}")
        if not ends_with_caller:
            # Nobody here waits for its end, and subprocess would warn of that.
            process.returncode = 0
            self._process = None
        self._remove_containers_and_networks()

    def is_alive(self) -> bool:
        """Whether it runs, whoever started it."""
        if self._process is not None:
            return self._process.poll() is None
        return find_isolated(str(self._configuration)) is not None

    def stop(self) -> None:
        """Stop it, whoever started it, and remove its containers and networks; nothing where it does not run."""
        if self.is_alive():
            if self._answers():
                with contextlib.suppress(DockerException, OSError):
                    self._remove_containers_and_networks()
            self._signal(signal.SIGTERM)
            if not _wait_until(lambda: not self.is_alive(), _STOP_TIMEOUT_S):
                self._signal(signal.SIGKILL)
                _wait_until(lambda: not self.is_alive(), _STOP_TIMEOUT_S)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _signal(self, number: int) -> None:
        # To dockerd itself, which puts its files in order on SIGTERM: `unshare` hands no signal on.
        parent = find_isolated(str(self._configuration))
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split():
                os.kill(int(child), number)

    def _answers(self) -> bool:
        # A try without it would leave docker's socket object open.
        if not Path(self._address.removeprefix("unix://")).exists():
            return False
        try:
            with self._client() as client:
                return bool(client.ping())
        except (DockerException, OSError):
            return False

    def _remove_containers_and_networks(self) -> None:
        with self._client() as client:
            for container in client.containers.list(all=True):
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)
            client.networks.prune()

    @contextlib.contextmanager
    def _client(self) -> Iterator[DockerClient]:
        with contextlib.closing(docker.DockerClient(base_url=self._address, version=API_VERSION)) as client:
            yield client


def _wait_until(condition: Callable[[], bool], timeout_s: float, unless: Callable[[], bool] = lambda: False) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if unless() or time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
