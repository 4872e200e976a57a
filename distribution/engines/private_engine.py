"""A Docker engine of this project's own, for a Debian machine that has none: from packages, in one folder, as root.

::

    FOLDER/packages   the engine, the docker command and its plugins, unpacked from Debian's packages
    FOLDER/config     the docker command's configuration
    FOLDER/data       images, build caches and volumes: they stay, for the next time
    FOLDER/run        the socket, the log, and a record of what has to be removed at the end

One session has it at a time, and it ends with that session, killed or not; or it is kept, for any number of sessions,
until it is stopped. What a killed session could not remove, the next one does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from engines import debian_packages, isolation
from engines.errors import EngineUnavailableError
from engines.private_network import NetworkUnavailableError, PrivateNetwork
from engines.process import SHARED_FOLDERS, EngineProcess

# sid has the newest engine, which needs no newer C library than bookworm's; its runc does.
_SUITE = "sid"
_PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io", "tini-static")
_PACKAGES_OF_THIS_RELEASE = ("runc",)

# Another engine's, where there is one.
_DEFAULT_BRIDGE = Path("/sys/class/net/docker0")


@dataclass(frozen=True)
class Record:
    """What an engine makes outside of its folder, written before it is made.

    Parameters
    ----------
    kept : bool
        Whether the engine stays when the session that started it ends.
    folders : tuple of str
        Folders that were not there before.
    network : PrivateNetwork, optional
        Its bridge; None where containers share the machine's network.
    """

    kept: bool
    folders: tuple[str, ...]
    network: PrivateNetwork | None = None

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Read a record; None where there is none."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        network = values["network"] and PrivateNetwork(**values["network"])
        return cls(values["kept"], tuple(values["folders"]), network)

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")
        temporary.replace(path)


class PrivateEngine:
    """The engine in a folder.

    Parameters
    ----------
    folder : Path, optional
        Where everything is; ``docker`` in this user's cache of xllamacpp's by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or platformdirs.user_cache_path("xllamacpp") / "docker").absolute()
        # For its bridge and its control groups; the name of an interface has 15 characters at most.
        self.name = f"xlc-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:8]}"
        self._packages = self.folder / "packages"
        self._run = self.folder / "run"
        self._record = self._run / "record.json"
        self._address = f"unix://{self._run / 'engine.sock'}"
        self._process = EngineProcess(self._run / "daemon.json", self._address, self._run / "engine.log")
        self._lock = FileLock(self.folder / "lock")

    @property
    def environment(self) -> dict[str, str]:
        """What the docker command needs in its environment: its socket, its plugins, and the command itself."""
        return {
            "DOCKER_HOST": self._address,
            "DOCKER_CONFIG": str(self.folder / "config"),
            "PATH": os.pathsep.join([str(self._packages / "usr" / "bin"), os.environ.get("PATH", os.defpath)]),
        }

    @property
    def is_kept(self) -> bool:
        """Whether one is running that stays."""
        record = Record.read(self._record)
        return record is not None and record.kept and self._process.is_alive()

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """Run it for a ``with`` block; or use the one that is kept, and leave it running.

        Raises
        ------
        EngineUnavailableError
            It cannot be had here, another session has it, or it does not start.
        """
        with contextlib.ExitStack() as cleanup:
            cleanup.enter_context(self._held())
            if self.is_kept:
                # Any number of sessions may use it.
                cleanup.close()
            else:
                cleanup.callback(self._end)
                self._start(kept=False)
            yield

    def keep(self) -> None:
        """Start it so that it stays when this process ends; one that is kept already goes on.

        Raises
        ------
        EngineUnavailableError
            It cannot be had here, another session has it, or it does not start.
        """
        with self._held(), contextlib.ExitStack() as cleanup:
            if not self.is_kept:
                cleanup.callback(self._end)
                self._start(kept=True)
                cleanup.pop_all()

    def stop(self) -> bool:
        """Stop one that is kept, and remove what it made but for its images, build caches and volumes.

        Returns
        -------
        bool
            Whether one was running.

        Raises
        ------
        EngineUnavailableError
            A session that goes on has it.
        """
        with self._held():
            was_running = self._process.is_alive()
            self._end()
            return was_running

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise EngineUnavailableError(
                f"another session has the private engine in {self.folder}: wait for its end; or have one engine for "
                "all sessions, which `nox -s docker_engine` starts before them"
            ) from None
        try:
            yield
        finally:
            self._lock.release()

    def _start(self, *, kept: bool) -> None:
        if reasons := obstacles():
            raise EngineUnavailableError("a private engine: " + "; ".join(reasons))
        # What one that was killed has left.
        self._end()
        release = debian_packages.machine_mirror().codename
        debian_packages.unpack({_SUITE: _PACKAGES, release: _PACKAGES_OF_THIS_RELEASE}, self._packages)
        self._run.mkdir()
        record = Record(kept, tuple(folder for folder in SHARED_FOLDERS if not Path(folder).exists()))
        network = self._make_network(record)
        self._configure(network)
        # An earlier engine's networks: their addresses may be others' by now.
        shutil.rmtree(self.folder / "data" / "network", ignore_errors=True)
        path = os.pathsep.join([str(self._packages / "usr" / "sbin"), self.environment["PATH"]])
        self._process.start({**os.environ, **self.environment, "PATH": path}, ends_with_caller=not kept)

    def _make_network(self, record: Record) -> PrivateNetwork | None:
        record.write(self._record)
        try:
            network = PrivateNetwork.plan(self.name)
            replace(record, network=network).write(self._record)
            network.create()
        except NetworkUnavailableError as error:
            if _DEFAULT_BRIDGE.exists():
                # An engine that is told to have no bridge removes this one.
                reason = f"{error}; and without a bridge, it would remove docker0"
                raise EngineUnavailableError(f"a private engine: {reason}") from None
            print(f"docker: {error}; containers share this machine's network")
            record.write(self._record)
            return None
        return network

    def _configure(self, network: PrivateNetwork | None) -> None:
        daemon = {
            "hosts": [self._address],
            "data-root": str(self.folder / "data"),
            "exec-root": str(self._run / "exec"),
            # Its usual place is another engine's; and its number means something in a namespace alone.
            "pidfile": str(self._run / "engine.pid"),
            "iptables": False,
            "ip6tables": False,
            "ip-forward": False,
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "cgroup-parent": f"/{self.name}",
            **(network.daemon_settings if network else {"bridge": "none"}),
        }
        (self._run / "daemon.json").write_text(json.dumps(daemon, indent=2), encoding="utf-8")
        client = {"cliPluginsExtraDirs": [str(self._packages / "usr" / "libexec" / "docker" / "cli-plugins")]}
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        (config / "config.json").write_text(json.dumps(client, indent=2), encoding="utf-8")

    def _end(self) -> None:
        self._process.stop()
        record = Record.read(self._record)
        if record and record.network:
            record.network.remove()
        isolation.remove_control_groups(self.name)
        for folder in record.folders if record else ():
            # Another engine may be in it by now.
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        # Last, as the record is in it.
        shutil.rmtree(self._run, ignore_errors=True)


def obstacles() -> list[str]:
    """Say what keeps this machine from running an engine of ours; nothing, where it can."""
    if not debian_packages.is_debian():
        return ["it is made of Debian's packages, and this machine is no Debian"]
    found = []
    if os.geteuid() != 0:
        found.append(f"it needs root, and this is user {os.geteuid()}")
    missing = [tool for tool in ("apt-get", "dpkg-deb", *isolation.TOOLS) if not shutil.which(tool)]
    if missing:
        found.append(f"{', '.join(missing)} not found: apt-get install apt dpkg util-linux mount")
    if not debian_packages.KEYRING.exists():
        found.append(f"{debian_packages.KEYRING} is missing: apt-get install debian-archive-keyring")
    return found
