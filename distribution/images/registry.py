"""What a release does with an image registry itself: manifests by tag and by digest.

Layers are the engine's to push. It pushes them with a manifest that has no annotations where it keeps images in
Docker's own store, and says nothing of it; so a release writes its manifest by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import oras.auth
import oras.client
import oras.container
import requests

from engines.errors import RegistryError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)

# Docker's names of what an image is made of, and OCI's: the content is the same, and only OCI's may have annotations.
_OCI_TYPES = {
    _DOCKER_MANIFEST: OCI_MANIFEST,
    "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
}


@dataclass(frozen=True)
class Manifest:
    """The manifest of an image.

    Parameters
    ----------
    content : bytes
        It, byte for byte.
    """

    content: bytes

    @property
    def digest(self) -> str:
        """What it is addressed by, as ``sha256:…``."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def values(self) -> Mapping[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def image(self) -> str:
        """The digest of the image's configuration, which names its layers: the same image has the same one."""
        return str(self.values["config"]["digest"])

    @property
    def annotations(self) -> Mapping[str, str]:
        """What is written on it."""
        return dict(self.values.get("annotations") or {})

    def annotated(self, annotations: Mapping[str, str]) -> Manifest:
        """Return the manifest of the same image in OCI's form, with annotations."""
        values = dict(self.values)
        parts = [values["config"], *values["layers"]]
        for part in (values, *parts):
            part["mediaType"] = _OCI_TYPES.get(part["mediaType"], part["mediaType"])
        values["annotations"] = {**self.annotations, **annotations}
        return Manifest(json.dumps(values, indent=2).encode())


class Repository:
    """The images of one name in a registry. Who may write is known from `docker login`.

    Parameters
    ----------
    name : str
        The registry and the name there, as ``HOST/PATH``.

    Raises
    ------
    RegistryError
        It names no registry.
    """

    def __init__(self, name: str) -> None:
        parts = urlsplit(f"//{name}")
        if not parts.path.strip("/") or not ({".", ":"} & set(parts.netloc) or parts.netloc == "localhost"):
            raise RegistryError(
                f"{name} has to be a registry and the image's name in it, as registry.example/xllamacpp"
            )
        self.name = name
        self.is_local = parts.hostname in ("127.0.0.1", "localhost")
        self._client = oras.client.OrasClient(insecure=self.is_local)

    def manifest(self, reference: str) -> Manifest | None:
        """Return the manifest of a tag or a digest; None where there is none.

        Raises
        ------
        RegistryError
            The registry does not answer, or answers with something else than one image's manifest.
        """
        accepted = ", ".join((OCI_MANIFEST, _DOCKER_MANIFEST, *_INDEXES))
        answer = self._ask(reference, "GET", headers={"Accept": accepted})
        if answer.status_code == 404:
            return None
        if not answer.ok:
            raise RegistryError(self._problem(reference, answer))
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if kind in _INDEXES:
            raise RegistryError(
                f"{self.name}: {reference} is a list of images, and a release pushes single ones: build with docker's "
                "own builder, without attestations (BUILDX_NO_DEFAULT_ATTESTATIONS=1)"
            )
        return Manifest(answer.content)

    def put(self, tag: str, manifest: Manifest) -> None:
        """Write a manifest under a tag, and see that it is there.

        Raises
        ------
        RegistryError
            The registry does not take it, or has another one afterwards.
        """
        kind = str(manifest.values.get("mediaType", OCI_MANIFEST))
        answer = self._ask(tag, "PUT", headers={"Content-Type": kind}, data=manifest.content)
        if not answer.ok:
            raise RegistryError(self._problem(tag, answer))
        found = self.manifest(tag)
        if found is None or found.digest != manifest.digest:
            is_now = found.digest if found else "nothing"
            raise RegistryError(f"{self.name}:{tag} was written as {manifest.digest}, and is {is_now}")

    def _ask(self, reference: str, method: str, **given: Any) -> requests.Response:
        container = oras.container.Container(self.name)
        url = f"{self._client.prefix}://{container.manifest_url(reference)}"
        try:
            self._client.auth.load_configs(container)
            answer: requests.Response = self._client.do_request(url, method, **given)
        except (requests.RequestException, oras.auth.AuthenticationException, ValueError) as error:
            # A ValueError: it asks for a login in a way that nothing is known for.
            raise RegistryError(f"{self.name}: the registry cannot be reached, or wants a login: {error}") from None
        return answer

    def _problem(self, reference: str, answer: requests.Response) -> str:
        return (
            f"{self.name}: the registry refuses {reference} ({answer.status_code} {answer.reason}): {answer.text[:300]}"
        )
