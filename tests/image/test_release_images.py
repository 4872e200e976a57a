"""Images of a release, pushed to a registry on this machine: annotations arrive, and a version's tag never moves."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace

import pytest

from engines.errors import RegistryError
from images.registry import Repository
from registry_server import RegistryServer
from release import images
from release.folder import ReleaseError
from release.release import Release
from release_checkouts import git, make_checkout

pytestmark = pytest.mark.docker

VERSION = "2026.11.0"
ROW = "cpu-generic"
LABEL = "org.opencontainers.image"
CREATED = "2026-11-26T10:00:00Z"

DOCKERFILE = """\
FROM scratch
COPY sbom.json /usr/share/sbom/xllamacpp.cdx.json
COPY word /word
ARG VERSION REVISION
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$REVISION \\
      org.opencontainers.image.created={created} org.opencontainers.image.base.name={base} io.xllamacpp.row={row}
CMD ["/word"]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with RegistryServer(tmp_path_factory.mktemp("registry") / "registry") as server:
        yield server


@pytest.fixture
def repository(registry):
    return Repository(f"{registry.host}/{uuid.uuid4().hex[:8]}/xllamacpp")


@pytest.fixture
def release(tmp_path):
    return release_of(make_checkout(tmp_path / "root", VERSION))


def release_of(root, version=VERSION, **given):
    return Release.of(root, version, rows=[ROW], **given)


@pytest.fixture
def build(engine, client, tmp_path):
    """Build a tiny image that says what a row's says of itself; it is removed."""
    folder, made = tmp_path / "context", []
    folder.mkdir()

    def run(release, word, **given):
        row = release.rows[0]
        said = {"created": CREATED, "base": row.bases.runtime.reference, "row": ROW, **given}
        (folder / "Dockerfile").write_text(DOCKERFILE.format(**said))
        (folder / "sbom.json").write_text('{"bomFormat": "CycloneDX"}')
        (folder / "word").write_text(word)
        values = {"VERSION": release.version, "REVISION": git(release.root, "rev-parse", "HEAD")}
        tag = f"xllamacpp-test-{uuid.uuid4().hex[:8]}"
        made.append(tag)
        return engine.build(folder / "Dockerfile", context=folder, tags=[tag], build_args=values)

    yield run
    for tag in made:
        client.images.remove(tag, force=True)


def push(release, engine, image, repository):
    return images.push(release, engine, release.rows[0], image, repository)


def test_an_image_arrives_with_annotations_and_its_digest_is_noted(release, engine, client, build, repository):
    image = build(release, "one")
    assert push(release, engine, image, repository)
    tag = f"{VERSION}-{ROW}"
    there = repository.manifest(tag)
    assert there.annotations[f"{LABEL}.title"] == "xllamacpp"
    assert there.annotations[f"{LABEL}.description"].endswith("(CPU)")
    assert there.annotations[f"{LABEL}.revision"] == git(release.root, "rev-parse", "HEAD")
    assert there.annotations[f"{LABEL}.created"] == CREATED
    noted = release.folder.image(ROW)
    assert (noted.repository, noted.tag, noted.digest) == (repository.name, tag, there.digest)
    sbom = json.loads((release.folder.path / f"image-{ROW}.cdx.json").read_text())
    assert sbom == {"bomFormat": "CycloneDX"}
    # What is pulled by that digest is what was built.
    pulled = client.images.pull(repository.name, tag=there.digest)
    assert pulled.labels == image.labels
    assert pulled.attrs["RootFS"] == image.attrs["RootFS"]
    client.images.remove(f"{repository.name}@{there.digest}")


def test_pushing_again_changes_nothing(release, engine, build, repository):
    image = build(release, "one")
    assert push(release, engine, image, repository)
    first = release.folder.image(ROW)
    # A run that was stopped before it noted it.
    (release.folder.path / f"image-{ROW}.json").unlink()
    assert not push(release, engine, image, repository)
    assert release.folder.image(ROW) == first


def test_the_tag_of_a_version_never_moves(release, engine, build, repository):
    push(release, engine, build(release, "one"), repository)
    first = repository.manifest(f"{VERSION}-{ROW}")
    with pytest.raises(ReleaseError, match=r"is another image, sha256:.*release the next version"):
        push(release, engine, build(release, "two"), repository)
    assert repository.manifest(f"{VERSION}-{ROW}") == first
    assert release.folder.image(ROW).digest == first.digest


def test_what_is_not_this_releases_is_not_pushed(release, engine, build, repository):
    with pytest.raises(ReleaseError, match="the image is not cpu-generic's of"):
        push(release, engine, build(release, "one", row="vulkan"), repository)
    stand_in = build(release, "one", base="xllamacpp-stand-in:bookworm-0")
    with pytest.raises(ReleaseError, match=r"stands on xllamacpp-stand-in.*for tests alone"):
        push(release, engine, stand_in, repository)
    assert repository.manifest(f"{VERSION}-{ROW}") is None
    rehearsal = release_of(release.root, rehearsal=True)
    with pytest.raises(ReleaseError, match="a rehearsal pushes to a registry on this machine"):
        push(rehearsal, engine, stand_in, SimpleNamespace(is_local=False, name="registry.example/x"))
    assert push(rehearsal, engine, stand_in, repository)


def test_a_registry_that_is_not_there_is_an_error(release, engine, build):
    with pytest.raises(RegistryError, match="cannot be pushed to"):
        images.push_candidate(engine, build(release, "one"), Repository("127.0.0.1:9/x"), "candidate")


def test_rolling_tags_follow_and_only_forward(release, engine, build, repository, tmp_path):
    row = release.rows[0]
    with pytest.raises(ReleaseError, match="is not in"):
        images.promote(release, row, repository)
    push(release, engine, build(release, "one"), repository)
    found = {finding.state: finding.text for finding in images.of_the_registry(release, repository)}
    assert found["remains"] == "cpu-generic, cpu, latest: `promote` moves what follows releases"
    assert images.promote(release, row, repository) == ["cpu-generic", "cpu", "latest"]
    assert repository.manifest("latest") == repository.manifest(f"{VERSION}-{ROW}")
    assert images.promote(release, row, repository) == []
    assert [finding.state for finding in images.of_the_registry(release, repository)] == ["ok"]
    older = release_of(make_checkout(tmp_path / "older", "2026.10.3"), "2026.10.3")
    push(older, engine, build(older, "older"), repository)
    with pytest.raises(ReleaseError, match=r"is 2026\.11\.0 already: it only moves to newer ones"):
        images.promote(older, row, repository)
    candidate = release_of(make_checkout(tmp_path / "candidate", "2026.12.0rc1"), "2026.12.0rc1")
    with pytest.raises(ReleaseError, match="is a candidate: it has its own tag alone"):
        images.promote(candidate, row, repository)
    assert repository.manifest("latest") == repository.manifest(f"{VERSION}-{ROW}")


def test_a_tag_that_somebody_moved_is_found(release, engine, build, repository):
    push(release, engine, build(release, "one"), repository)
    tag = f"{VERSION}-{ROW}"
    repository.put(tag, repository.manifest(tag).annotated({"moved": "yes"}))
    (finding,) = images.of_the_registry(release, repository)
    assert finding.state == "WRONG"
    assert "and the folder knows" in finding.text
