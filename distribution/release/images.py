"""Pushes the images of a release, each under a tag that stays what it is, and moves the tags that do not."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from docker.errors import APIError, DockerException
from docker.models.images import Image
from packaging.version import InvalidVersion, Version

import checkout
from engines.engine import Engine
from engines.errors import RegistryError
from images.registry import Manifest, Repository
from matrix import Row
from release import wheels
from release.checks import Finding
from release.folder import ReleasedImage, ReleaseError, sha256_of
from release.release import Release
from rendering import bake_file

_SBOM = "/usr/share/sbom/xllamacpp.cdx.json"
_LABEL = "org.opencontainers.image"


def push(release: Release, engine: Engine, row: Row, image: Image, repository: Repository) -> bool:
    """Push a row's image with its annotations, and note its digest in the folder.

    The engine pushes it under ``candidate-<row>``, a tag that moves; the manifest is then written with annotations
    under ``<version>-<row>``.

    Parameters
    ----------
    release : Release
        The release.
    engine : Engine
        The engine that has the image.
    row : Row
        The row.
    image : Image
        Its image.
    repository : Repository
        Where to.

    Returns
    -------
    bool
        Whether it was not there before.

    Raises
    ------
    ReleaseError
        The image is of another commit or version or for tests alone, or the tag has another image.
    RegistryError
        The registry does not take it.
    """
    labels = image.labels
    _is_this_releases(release, row, labels, repository)
    tag = release.image_tag(row)
    there = repository.manifest(tag)
    pushed = push_candidate(engine, image, repository, f"candidate-{row.name}")
    if there and there.image != pushed.image:
        raise ReleaseError(
            f"{repository.name}:{tag} is another image, {there.digest}: the tag of a version stays what it is, so "
            "release the next version"
        )
    given = {name: labels[f"{_LABEL}.{name}"] for name in ("version", "revision", "created")}
    manifest = there or pushed.annotated(bake_file.image_annotations(release.facts, row, **given))
    if not there:
        repository.put(tag, manifest)
    release.folder.write(f"image-{row.name}.cdx.json", _file_of(engine, image, _SBOM))
    release.folder.record(
        ReleasedImage(
            row=row.name,
            revision=given["revision"],
            rehearsal=release.rehearsal,
            repository=repository.name,
            tag=tag,
            digest=manifest.digest,
            base=labels[f"{_LABEL}.base.name"],
        )
    )
    return not there


def holds_the_wheel(release: Release, row: Row, exported: Path) -> None:
    """Hold the wheel that a row's image was made with against the released one, where the folder has that.

    Parameters
    ----------
    release : Release
        The release.
    row : Row
        The row.
    exported : Path
        The folder with the image's wheel.

    Raises
    ------
    ReleaseError
        It is another one.
    """
    done = release.wheel(row)
    if not done:
        return
    if (found := sha256_of(wheels.find(release, row, exported))) != done.sha256:
        raise ReleaseError(
            f"the image of {row.name} has a wheel of its own, sha256 {found}, and released is {done.file}, sha256 "
            f'{done.sha256}: two builds have to be the same bytes (nox -s "wheel_check({row.name})" -- --against '
            f"{release.folder.path / done.file} says what differs)"
        )


def _is_this_releases(release: Release, row: Row, labels: dict[str, str], repository: Repository) -> None:
    names = (f"{_LABEL}.version", f"{_LABEL}.revision", "io.xllamacpp.row")
    if [labels.get(name) for name in names] != [release.version, checkout.revision(release.root), row.name]:
        raise ReleaseError(f"the image is not {row.name}'s of {release.version} and of the commit here: build it again")
    if release.rehearsal:
        if not repository.is_local:
            raise ReleaseError(
                f"a rehearsal pushes to a registry on this machine (127.0.0.1), not to {repository.name}"
            )
        return
    if (base := labels[f"{_LABEL}.base.name"]) != row.bases.runtime.reference:
        raise ReleaseError(f"{row.name} stands on {base}, and not on {row.bases.runtime.reference}: for tests alone")


def push_candidate(engine: Engine, image: Image, repository: Repository, tag: str) -> Manifest:
    """Push an image as the engine does it; return the manifest that it has made.

    Parameters
    ----------
    engine, image, repository
        As for :func:`push`.
    tag : str
        A tag that may move. The engine itself does not keep it.

    Raises
    ------
    RegistryError
        The registry does not take it, or what it takes is no single image.
    """
    image.tag(repository.name, tag)
    try:
        events = list(engine.client.api.push(repository.name, tag=tag, stream=True, decode=True))
    except (APIError, DockerException) as error:
        raise RegistryError(f"{repository.name}: cannot be pushed to: {error}") from None
    finally:
        with contextlib.suppress(DockerException):
            engine.client.api.remove_image(f"{repository.name}:{tag}", noprune=True)
    if problems := [str(event["error"]) for event in events if "error" in event]:
        raise RegistryError(f"{repository.name}: cannot be pushed to: {'; '.join(problems)}")
    digests = [event["aux"]["Digest"] for event in events if "Digest" in event.get("aux", {})]
    found = repository.manifest(digests[-1]) if digests else None
    if not found:
        raise RegistryError(f"{repository.name}:{tag} was pushed, and is not there")
    return found


def _file_of(engine: Engine, image: Image, path: str) -> bytes:
    container = engine.client.containers.create(image)
    try:
        chunks, _ = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            content = archive.extractfile(archive.getmembers()[0])
            assert content is not None, "it is a file"
            return content.read()
    finally:
        container.remove(v=True)


def promote(release: Release, row: Row, repository: Repository) -> list[str]:
    """Move a row's rolling tags to its released image; return those that moved.

    Raises
    ------
    ReleaseError
        The image is not pushed, is a candidate's or of another commit, or a tag has a newer version.
    RegistryError
        The registry does not do it.
    """
    if release.is_candidate:
        raise ReleaseError(f"{release.version} is a candidate: it has its own tag alone")
    done = release.image(row)
    manifest = repository.manifest(done.digest) if done else None
    if not manifest:
        raise ReleaseError(f"{row.name} {release.version} is not in {repository.name}: `images` pushes it")
    moved = []
    for tag in release.facts.matrix.rolling_tags(row):
        there = repository.manifest(tag)
        if there and there.digest == manifest.digest:
            continue
        if there and _version_of(there) > Version(release.version):
            raise ReleaseError(f"{repository.name}:{tag} is {_version_of(there)} already: it only moves to newer ones")
        repository.put(tag, manifest)
        moved.append(tag)
    return moved


def _version_of(manifest: Manifest) -> Version:
    """Return the version on a manifest; the oldest of all where there is none."""
    try:
        return Version(manifest.annotations[f"{_LABEL}.version"])
    except (KeyError, InvalidVersion):
        return Version("0")


def of_the_registry(release: Release, repository: Repository) -> Iterator[Finding]:
    """Yield whether a registry has the images as they were pushed, and whether the rolling tags have followed."""
    for row in release.image_rows:
        done, tag = release.folder.image(row.name), release.image_tag(row)
        there = repository.manifest(tag)
        if there is None:
            yield Finding("registry", "WRONG" if done else "remains", f"{repository.name} has no {tag}")
            continue
        if done is None or done.digest != there.digest:
            known = done.digest if done else "nothing"
            yield Finding("registry", "WRONG", f"{tag} is {there.digest}, and the folder knows {known}")
            continue
        yield Finding("registry", "ok", f"{tag} is {there.digest}")
        follow = () if release.is_candidate else release.facts.matrix.rolling_tags(row)
        manifests = {name: repository.manifest(name) for name in follow}
        if late := [name for name, found in manifests.items() if found is None or found.digest != there.digest]:
            yield Finding("registry", "remains", f"{', '.join(late)}: `promote` moves what follows releases")
