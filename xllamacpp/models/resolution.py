"""From a name to the files of a model, wherever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xllamacpp.errors import ModelError, ModelNotFoundError
from xllamacpp.models import known, names
from xllamacpp.models.files import MMPROJ
from xllamacpp.models.names import HubName, WebName

if TYPE_CHECKING:
    from xllamacpp.models.connection import Access
    from xllamacpp.models.hub import Repository

# What fetches is imported where it is used: huggingface_hub takes half a second.


@dataclass(frozen=True)
class ResolvedModel:
    """Where a model is.

    Parameters
    ----------
    name : str
        What it was found by, without what only its owner shall see.
    path : Path
        Its file; of a model in several files the first, which llama.cpp finds the others by.
    mmproj : Path or None
        The multimodal projector that belongs to it: what makes it see or hear.
    siblings : dict of str to Path
        What else of its repository was asked for, by what the file has in its name.
    """

    name: str
    path: Path
    mmproj: Path | None = None
    siblings: dict[str, Path] = field(default_factory=dict)


def resolve(model: str | os.PathLike[str], *, token: str = "", offline: bool = False, progress: bool = True) -> Path:
    """Find the file of a model, and fetch it where it is not here yet.

    Parameters
    ----------
    model : str or path
        The path of a GGUF file; a known name; a repository on the Hugging Face Hub, ``org/repo``,
        ``org/repo:quantization``, ``org/repo@revision``; a file in one, ``hf://org/repo/file.gguf``; or an address,
        ``https://...``. A file that is here comes before a repository of its name; one that is called like a known
        model is ``./name``.
    token : str, optional
        A token for the Hub; empty takes the user's own (``HF_TOKEN``, ``HF_TOKEN_PATH``, ``hf auth login``).
    offline : bool, optional
        Whether to do with what is here. ``HF_HUB_OFFLINE=1`` says it for all.
    progress : bool, optional
        Whether to show on standard error what is fetched.

    Returns
    -------
    Path
        The file; of a model in several files the first.

    Raises
    ------
    ModelNotFoundError
        There is no such file, and nothing else of that name.
    ModelDownloadError
        It could not be fetched.
    """
    return find(model, mmproj=False, token=token, offline=offline, progress=progress).path


def find(
    model: str | os.PathLike[str],
    *,
    mmproj: bool = True,
    siblings: Sequence[str] = (),
    token: str = "",
    offline: bool = False,
    progress: bool = True,
) -> ResolvedModel:
    """Find the files of a model, and fetch what is not here yet.

    Parameters
    ----------
    model : str or path
        As for :func:`resolve`.
    mmproj : bool, optional
        Whether to fetch the multimodal projector too, where a repository has one.
    siblings : sequence of str, optional
        What else to fetch where a repository has it, by what the file has in its name: ``mtp-`` for a head that
        predicts several tokens, say.
    token : str, optional
        As for :func:`resolve`.
    offline : bool, optional
        As for :func:`resolve`.
    progress : bool, optional
        As for :func:`resolve`.

    Returns
    -------
    ResolvedModel
        Where they are.

    Raises
    ------
    ModelNotFoundError
        There is no such file, and nothing else of that name.
    ModelDownloadError
        It could not be fetched.
    """
    text = os.fspath(model)
    if text in known.KNOWN:
        return ResolvedModel(text, known.fetch(known.KNOWN[text], offline=offline, progress=progress))
    path = Path(text).expanduser()
    if path.is_file():
        return ResolvedModel(text, path)
    name = names.parse(text)
    if path.is_dir():
        hub = f", or hf://{name} for the repository" if isinstance(name, HubName) else ""
        raise ModelNotFoundError(f"{path.absolute()} is a folder; give the GGUF file in it{hub}")
    if name is None:
        if path.name != text or path.suffix == ".gguf":
            raise ModelNotFoundError(f"there is no file {path.absolute()}")
        raise ModelNotFoundError(f"{known.unknown(text)}, and there is no file {path.absolute()}")
    try:
        access = _access(token=token, is_offline=offline, progress=progress)
        return _fetch(name, access, mmproj=mmproj, siblings=siblings)
    except ModelError as error:
        if "://" in text:
            raise
        # It may have been meant for a path, misspelt.
        raise type(error)(f"{error} (there is no file {path.absolute()} either)") from error


def find_in(repository: Repository, *, mmproj: bool = True, siblings: Sequence[str] = ()) -> ResolvedModel:
    """Find the files of a model in a repository that has been asked what it holds, and fetch what is not here yet.

    Parameters
    ----------
    repository : Repository
        The repository, with the model's name.
    mmproj : bool, optional
        As for :func:`find`.
    siblings : sequence of str, optional
        As for :func:`find`.

    Returns
    -------
    ResolvedModel
        Where they are.

    Raises
    ------
    ModelNotFoundError
        There is no such file.
    ModelDownloadError
        It could not be fetched.
    """
    from xllamacpp.models import hub

    found = hub.fetch(repository, [*([MMPROJ] if mmproj else []), *siblings])
    return ResolvedModel(str(repository.name), found.path, found.siblings.pop(MMPROJ, None), found.siblings)


def pull(name: str, *, verify: bool = True, token: str = "", progress: bool = True) -> Path:
    """Fetch a model into the cache, with its multimodal projector if it has one.

    Parameters
    ----------
    name : str
        What :func:`resolve` takes. Of a file that is here there is nothing to fetch.
    verify : bool, optional
        Whether to compare with its hash what is in the cache already; else only its size is looked at.
    token : str, optional
        As for :func:`resolve`.
    progress : bool, optional
        As for :func:`resolve`.

    Returns
    -------
    Path
        The file in the cache; of a model in several files the first.

    Raises
    ------
    ModelNotFoundError
        There is no such model.
    ModelDownloadError
        It could not be fetched.
    """
    if name in known.KNOWN:
        return known.fetch(known.KNOWN[name], verify=verify, progress=progress)
    path = Path(name).expanduser()
    if path.is_file():
        return path
    parsed = names.parse(name)
    if parsed is None:
        raise ModelNotFoundError(known.unknown(name))
    return _fetch(parsed, _access(token=token, verify=verify, progress=progress)).path


def _access(**fields: Any) -> Access:
    from xllamacpp.models.connection import Access

    return Access(**fields)


def _fetch(
    name: HubName | WebName, access: Access, *, mmproj: bool = True, siblings: Sequence[str] = ()
) -> ResolvedModel:
    if isinstance(name, WebName):
        from xllamacpp.models import web

        return ResolvedModel(str(name), web.fetch(name, access))
    from xllamacpp.models import hub

    return find_in(hub.open_repository(name, access), mmproj=mmproj, siblings=siblings)
