"""Manifests in a registry: read, annotated and written, with the registry that Debian has."""

from __future__ import annotations

import json

import oras.client
import pytest

from engines.errors import RegistryError
from images.registry import OCI_MANIFEST, Manifest, Repository
from registry_server import PROGRAM, RegistryServer

pytestmark = pytest.mark.skipif(not PROGRAM, reason="there is no docker-registry: apt-get install docker-registry")

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CONFIG = "application/vnd.docker.container.image.v1+json"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with RegistryServer(tmp_path_factory.mktemp("registry") / "registry") as server:
        yield server.host


@pytest.fixture
def repository(host, request):
    return Repository(f"{host}/{request.node.name.lower()}")


def upload(repository, folder, text):
    """Put a blob into the registry; return what a manifest says of it, but for its kind."""
    path = folder / "blob"
    path.write_text(text)
    # A manifest is taken only where what it names is there.
    client = oras.client.OrasClient(insecure=True)
    digest = f"sha256:{oras.utils.get_file_hash(str(path))}"
    layer = {"digest": digest, "size": len(text), "mediaType": LAYER}
    client.upload_blob(str(path), client.get_container(repository.name), layer)
    return {"digest": digest, "size": len(text)}


@pytest.fixture
def pushed(repository, tmp_path):
    """The manifest of an image as an engine pushes it from Docker's own store."""
    config = {"mediaType": CONFIG, **upload(repository, tmp_path, "{}")}
    layers = [{"mediaType": LAYER, **upload(repository, tmp_path, "a layer")}]
    values = {"schemaVersion": 2, "mediaType": DOCKER, "config": config, "layers": layers}
    manifest = Manifest(json.dumps(values).encode())
    repository.put("candidate", manifest)
    return manifest


def test_what_is_not_there_is_none(repository, pushed):
    assert repository.manifest("other") is None
    assert repository.manifest(f"sha256:{'0' * 64}") is None


def test_an_image_is_found_by_tag_and_by_digest(repository, pushed):
    assert repository.manifest("candidate") == pushed
    assert repository.manifest(pushed.digest) == pushed


def test_annotations_reach_the_registry_and_leave_the_image_alone(repository, pushed):
    annotated = pushed.annotated({"org.opencontainers.image.title": "x"})
    repository.put("2026.11.0", annotated)
    found = repository.manifest("2026.11.0")
    assert found.annotations == {"org.opencontainers.image.title": "x"}
    assert found.values["mediaType"] == OCI_MANIFEST
    assert (found.image, found.digest) == (pushed.image, annotated.digest)
    assert found.digest != pushed.digest
    # As it was.
    assert repository.manifest("candidate").annotations == {}
    assert pushed.annotated({"a": "b"}).digest == pushed.annotated({"a": "b"}).digest


def test_a_list_of_images_is_no_image(repository, pushed):
    kind = "application/vnd.docker.distribution.manifest.list.v2+json"
    entry = {"mediaType": DOCKER, "digest": pushed.digest, "size": len(pushed.content)}
    entry["platform"] = {"architecture": "amd64", "os": "linux"}
    content = Manifest(json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}).encode())
    with pytest.raises(RegistryError, match="is a list of images"):
        repository.put("list", content)


def test_what_the_registry_refuses_is_said(repository, pushed):
    values = {**pushed.values, "config": {**pushed.values["config"], "digest": f"sha256:{'0' * 64}"}}
    with pytest.raises(RegistryError, match=r"refuses broken \(\d+ .*"):
        repository.put("broken", Manifest(json.dumps(values).encode()))
    assert repository.manifest("broken") is None


@pytest.mark.parametrize("name", ["xllamacpp", "registry.example", "owner/xllamacpp"])
def test_a_name_without_a_registry_is_refused(name):
    with pytest.raises(RegistryError, match="has to be a registry and the image's name in it"):
        Repository(name)
