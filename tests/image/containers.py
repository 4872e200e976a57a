"""Containers of the image under test, as a careful operator runs them: nothing writable, no rights, any user."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.models.volumes import Volume

_PATIENCE_S = 300.0

# Any user in group 0: some clusters choose the number.
ODD_USER = "12345:0"

HARDENED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "user": ODD_USER,
}


@contextmanager
def running(
    client: docker.DockerClient, image: str, command: list[str] | None = None, **options: Any
) -> Iterator[Container]:
    """Start a container; remove it in the end, with the anonymous volumes that it made."""
    container = client.containers.run(image, command, detach=True, **options)
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def run(client: docker.DockerClient, image: str, command: list[str] | None = None, **options: Any) -> tuple[int, str]:
    """Run a container to its end; return its exit status and what it said, both of its outputs together."""
    with running(client, image, command, **options) as container:
        status = container.wait(timeout=_PATIENCE_S)["StatusCode"]
        return status, container.logs().decode()


def wait_until_healthy(container: Container) -> None:
    """Wait for the image's own health check."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        container.reload()
        if container.health == "healthy":
            return
        if container.status != "running":
            break
        time.sleep(0.2)
    checks = container.attrs["State"].get("Health", {}).get("Log", [])
    raise AssertionError(f"{container.status}, {container.health}\n{container.logs().decode()}\n{checks[-3:]}")


def address_of(container: Container, port: int = 8080) -> str:
    """Return where a published port is reached from here."""
    container.reload()
    (binding,) = container.ports[f"{port}/tcp"]
    return f"{binding['HostIp']}:{binding['HostPort']}"


def put_file(client: docker.DockerClient, image: str, volume: Volume, file: Path, name: str) -> None:
    """Copy a file into a volume, for any user to read."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = archive.gettarinfo(file, name)
        member.mode, member.uid, member.gid = 0o644, 0, 0
        with file.open("rb") as content:
            archive.addfile(member, content)
    packed.seek(0)
    # Never started: the engine writes into the volume of a container that only exists.
    container = client.containers.create(image, volumes={volume.name: {"bind": "/models", "mode": "rw"}})
    try:
        container.put_archive("/models", packed)
    finally:
        container.remove()
