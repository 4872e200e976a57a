"""What the tests of images share: the Docker engine. They fail where there is none, and nothing here skips them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from docker import DockerClient
from docker.models.volumes import Volume

import matrix
from engines import available
from engines.engine import Engine
from image.containers import put_file
from images import base_images
from matrix import Row
from rendering import facts
from xllamacpp import models

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Give the engine that answers, or a private one for the time."""
    with available.engine() as found:
        yield found


@pytest.fixture(scope="session")
def client(engine: Engine) -> DockerClient:
    """Give the engine through Docker's SDK."""
    return engine.client


@pytest.fixture(scope="session")
def slim_image(engine: Engine) -> str:
    """Give the name of the small Debian that cpu-generic's image stands on, or of its stand-in."""
    base = matrix.load(_ROOT).row("cpu-generic").bases.runtime
    return base.stand_in.image if base_images.prepare(engine, [base]) else base.reference


@pytest.fixture(scope="session")
def row() -> Row:
    """Give the row whose image is under test."""
    return matrix.load(_ROOT).row(os.environ["XLLAMACPP_ROW"])


@pytest.fixture(scope="session")
def version() -> str:
    """Give the project's version."""
    return facts.load(_ROOT).version


@pytest.fixture(scope="session")
def image(row: Row) -> str:
    """Give the name of the image under test."""
    return f"{matrix.load(_ROOT).name}:{row.name}"


@pytest.fixture(scope="session")
def model_volume(client: DockerClient, image: str) -> Iterator[Volume]:
    """Give a volume with the demo model as demo.gguf."""
    volume = client.volumes.create(f"xllamacpp-test-{uuid.uuid4().hex[:12]}")
    try:
        put_file(client, image, volume, models.resolve("demo"), "demo.gguf")
        yield volume
    finally:
        volume.remove(force=True)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a folder with a server's certificate (cert.pem) and its key (key.pem), for any user to read."""
    made = trustme.CA().issue_cert("127.0.0.1", "localhost")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    for path in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        path.chmod(0o755)
    return tmp_path


@pytest.fixture(scope="session")
def package_index(engine: Engine) -> dict[str, Any]:
    """Give what a container needs to reach the package index from this machine's network."""
    bundle = engine.secrets.get("cacert")
    if not bundle:
        return {}
    return {
        "volumes": {str(bundle): {"bind": "/run/certificates.pem", "mode": "ro"}},
        "environment": {"PIP_CERT": "/run/certificates.pem"},
    }
