"""A registry of images on this machine: Debian's package docker-registry, on a port and in a folder of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import requests

PROGRAM = shutil.which("docker-registry")

_PATIENCE_S = 60.0


class RegistryServer:
    """A registry; a context manager.

    Parameters
    ----------
    folder : Path
        Where it keeps what is pushed.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        self._folder = folder

    def __enter__(self) -> RegistryServer:
        assert PROGRAM, "there is no docker-registry: apt-get install docker-registry"
        self._folder.mkdir()
        settings = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "data")}},
            "http": {"addr": self.host},
        }
        # JSON is YAML.
        path = self._folder / "settings.yml"
        path.write_text(json.dumps(settings))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen([PROGRAM, "serve", path], stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"the registry does not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.host}/v2/").ok
        except requests.ConnectionError:
            return False
