"""The Docker engine that images are built and run with: this machine's own, or a private one for the time.

>>> with engine() as docker:                                              # doctest: +SKIP
...     image = docker.build(Path("Dockerfiles/cpu.Dockerfile"), target="runtime", tags=["xllamacpp:cpu"])
...     docker.client.containers.run(image.id, ["info"], remove=True)
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import docker
from docker.errors import DockerException

from engines import package_registries
from engines.engine import Engine
from engines.errors import EngineError, EngineUnavailableError
from engines.private_engine import PrivateEngine

# The first whose HEALTHCHECK has --start-interval.
OLDEST_VERSION = 25

_CLIENT_TIMEOUT_S = 120
_COMMAND_TIMEOUT_S = 60

_ADVICE = f"""\
Install Docker Engine {OLDEST_VERSION} or newer with its buildx and compose plugins, and start it \
(docs.docker.com/engine/install); or run this as root on Debian, where an engine is fetched and started for the time."""


@contextlib.contextmanager
def engine(private: PrivateEngine | None = None) -> Iterator[Engine]:
    """Give a Docker engine for a ``with`` block.

    It is the one that answers at DOCKER_HOST or in docker's current context, where that can do what is needed here;
    else one of our own (see ``private_engine.py``), stopped at the end unless it was kept.

    Parameters
    ----------
    private : PrivateEngine, optional
        Our own; in this user's cache by default.

    Raises
    ------
    EngineUnavailableError
        There is none, and none can be started: with both reasons, and what to do.
    """
    private = private or PrivateEngine()
    with contextlib.ExitStack() as cleanup:
        try:
            found = cleanup.enter_context(_connected(os.environ))
        except EngineError as reason:
            try:
                cleanup.enter_context(private.session())
                found = cleanup.enter_context(_connected({**os.environ, **private.environment}))
            except EngineError as private_reason:
                raise _unavailable(reason, private_reason) from None
        yield found


def keep(private: PrivateEngine | None = None) -> str:
    """Start an engine of our own that stays, where none answers.

    Parameters
    ----------
    private : PrivateEngine, optional
        Our own; in this user's cache by default.

    Returns
    -------
    str
        How to use it, for a reader and for a shell.

    Raises
    ------
    EngineUnavailableError
        As for ``engine``.
    """
    private = private or PrivateEngine()
    try:
        with _connected(os.environ) as found:
            return f"# an engine answers already, {found.client.version()['Version']}: image sessions use it"
    except EngineError as reason:
        try:
            private.keep()
        except EngineError as private_reason:
            raise _unavailable(reason, private_reason) from None
    programs, _, _ = private.environment["PATH"].partition(os.pathsep)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in private.environment.items() if name != "PATH"]
    return "\n".join(
        [
            "# image sessions use it by themselves; a shell does with:",
            *lines,
            f"export PATH={shlex.quote(programs)}:$PATH",
            "# to stop it: nox -s docker_engine -- stop",
        ]
    )


def _unavailable(reason: Exception, private_reason: Exception) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"no Docker engine to build and run images with.\n- {reason}\n- {private_reason}\n{_ADVICE}"
    )


@contextlib.contextmanager
def _connected(environment: Mapping[str, str]) -> Iterator[Engine]:
    host, version = _answering(environment)
    for plugin in ("buildx", "compose"):
        if _docker(environment, plugin, "version").returncode:
            raise EngineUnavailableError(f"the engine at {host} answers, but the docker command has no {plugin} plugin")
    if int(version.partition(".")[0]) < OLDEST_VERSION:
        raise EngineUnavailableError(f"the engine at {host} is {version}; {OLDEST_VERSION} or newer is needed")
    place = {**environment, "DOCKER_HOST": host}
    with contextlib.ExitStack() as cleanup:
        try:
            client = docker.from_env(environment=place, timeout=_CLIENT_TIMEOUT_S)
            cleanup.callback(client.close)
            bridges = client.networks.list(names=["bridge"])
        except (DockerException, OSError) as error:
            raise EngineUnavailableError(f"the docker command reaches {host}, but Python does not: {error}") from error
        bundle, pip = package_registries.certificates(), package_registries.pip_settings()
        secrets: dict[str, Path | str] = {}
        if bundle:
            secrets["cacert"] = bundle
        if pip:
            secrets["pip.conf"] = pip
        differing = {name: value for name, value in place.items() if os.environ.get(name) != value}
        yield Engine(client, differing, bool(bridges), secrets, package_registries.proxy_arguments())


def _answering(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the address and the version of the engine that the docker command uses."""
    if not shutil.which("docker", path=environment.get("PATH")):
        raise EngineUnavailableError("there is no docker command")
    inspected = _docker(environment, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    host = inspected.stdout.strip()
    answer = _docker(environment, "version", "--format", "{{json .Server}}")
    try:
        return host, str(json.loads(answer.stdout)["Version"])
    except (ValueError, TypeError, KeyError):
        reason = answer.stderr.strip() or inspected.stderr.strip() or "it does not answer as Docker does"
        raise EngineUnavailableError(f"the docker command finds no engine at {host}: {reason}") from None


def _docker(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise EngineUnavailableError(f"`{shlex.join(command)}` does not end: the engine hangs") from None
