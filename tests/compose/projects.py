"""Compose projects with names of their own, which are gone in the end."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.models.containers import Container
from docker.models.volumes import Volume

from engines.engine import Engine
from engines.errors import ComposeError
from image.containers import address_of, put_file
from xllamacpp import models

ROOT = Path(__file__).resolve().parents[2]

# nox builds it before these tests.
IMAGE = "xllamacpp:cpu-generic"

MESSAGES: Any = [{"role": "user", "content": "Write a two sentence story about a robot."}]


@dataclass(frozen=True)
class Project:
    """A compose project that is under test.

    Parameters
    ----------
    engine : Engine
        Where it runs.
    name : str
        What its containers, networks and volumes begin with.
    files : tuple of Path
        Its compose files; paths in them begin at the first one's folder.
    profiles : tuple of str
        The profiles.
    environment : mapping of str
        Variables that the files use.
    """

    engine: Engine
    name: str
    files: tuple[Path, ...]
    profiles: tuple[str, ...]
    environment: Mapping[str, str]

    def compose(self, *arguments: str) -> str:
        """Run docker compose; return what it printed."""
        return self.engine.compose(
            *arguments,
            project=self.name,
            files=self.files,
            profiles=self.profiles,
            # A .env in the checkout is its user's, not the tests'.
            environment={"COMPOSE_ENV_FILES": os.devnull, **self.environment},
        )

    def config(self) -> dict[str, Any]:
        """Return what compose makes of the files."""
        return dict(json.loads(self.compose("config", "--format=json")))

    def up(self, *services: str) -> None:
        """Start it, and wait until it is healthy. Nothing is built: an image that is missing is an error."""
        try:
            self.compose("up", "--wait", "--no-build", *services)
        except ComposeError as error:
            error.add_note(self.compose("logs", "--no-color"))
            raise

    def up_with_demo_model(self, *services: str) -> None:
        """Start it with the demo model in its volume, as /models/demo.gguf."""
        self.compose("up", "--no-start", "--no-build", *services)
        put_file(self.engine.client, IMAGE, self.volume("models"), models.resolve("demo"), "demo.gguf")
        self.up(*services)

    def container(self, service: str) -> Container:
        """Return a service's only container."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        found: Container
        (found,) = self.engine.client.containers.list(all=True, filters={"label": labels})
        return found

    def volume(self, name: str) -> Volume:
        """Return a named volume."""
        return self.engine.client.volumes.get(f"{self.name}_{name}")

    def address(self, service: str, port: int) -> str:
        """Return where a published port is reached from here."""
        return address_of(self.container(service), port)

    def left(self) -> list[str]:
        """Return the names of what is there of it."""
        client, of_project = self.engine.client, {"label": [f"com.docker.compose.project={self.name}"]}
        things: list[Any] = client.containers.list(all=True, filters=of_project)
        things += client.networks.list(filters=of_project)
        things += client.volumes.list(filters=of_project)
        return [str(thing.name) for thing in things]


@contextmanager
def project(
    engine: Engine, *files: Path, profiles: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Project]:
    """Give a project that is not started yet; remove all of it in the end, whatever has happened."""
    made = Project(engine, f"xllamacpp-test-{uuid.uuid4().hex[:12]}", files, tuple(profiles), environment or {})
    try:
        yield made
    finally:
        made.compose("down", "--volumes", "--remove-orphans", "--timeout=5")


def override(folder: Path, services: Mapping[str, Any]) -> Path:
    """Write a compose file that changes some services, and return it."""
    path = folder / "override.json"
    path.write_text(json.dumps({"services": services}), encoding="utf-8")
    return path
