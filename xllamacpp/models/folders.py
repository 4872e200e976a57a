"""Where models are kept."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xllamacpp.errors import ModelDownloadError, ModelError
from xllamacpp.progress import format_size

_OWN = "XLLAMACPP_CACHE"
_HUBS = (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"), (_OWN, "hub"))


def cache_folder() -> Path:
    """Return the folder that known models are kept in.

    Returns
    -------
    Path
        ``models`` in the folder that the environment variable ``XLLAMACPP_CACHE`` names, else in the user's cache.

    Raises
    ------
    ModelDownloadError
        The variable is not set, and the user has no home folder.
    """
    return _own_folder() / "models"


def web_folder() -> Path:
    """Return the folder that files from web addresses are kept in: ``web``, beside the known models."""
    return _own_folder() / "web"


def hub_folder() -> Path:
    """Return the folder that files of the Hugging Face Hub are kept in, shared with other programs that use it.

    Returns
    -------
    Path
        What ``HF_HUB_CACHE`` or ``HF_HOME`` say; else ``hub`` in the folder that ``XLLAMACPP_CACHE`` names; else
        huggingface_hub's default, ``~/.cache/huggingface/hub``.
    """
    for variable, inside in _HUBS:
        if named := os.environ.get(variable):
            return Path(os.path.expandvars(named)).expanduser().absolute() / inside
    from huggingface_hub.constants import HF_HUB_CACHE

    return _checked(Path(HF_HUB_CACHE))


def _own_folder() -> Path:
    if named := os.environ.get(_OWN):
        return Path(named).expanduser().absolute()
    import platformdirs

    try:
        return _checked(platformdirs.user_cache_path("xllamacpp", appauthor=False))
    except RuntimeError:
        raise _no_home() from None


def _checked(folder: Path) -> Path:
    if not folder.is_absolute():
        # "~" is still in it, which would make a folder of that name.
        raise _no_home()
    return folder


def _no_home() -> ModelDownloadError:
    return ModelDownloadError(f"this user has no home folder to keep models in; name a folder in {_OWN}")


@contextmanager
def cache_errors(name: str) -> Iterator[None]:
    """Say in a :class:`ModelDownloadError` why the cache could not take the model `name`."""
    try:
        yield
    except ModelError:
        # Some are OSErrors too.
        raise
    except OSError as error:
        reasons = {
            errno.ENOSPC: "there is no space left",
            errno.EDQUOT: "the quota is used up",
            errno.EROFS: "it is read-only, and the model is not in it",
            errno.EACCES: f"user {os.getuid()} may not write there, and the model is not in it",
        }
        reason = reasons.get(error.errno or 0, error.strerror or str(error))
        where = f" ({error.filename})" if error.filename else ""
        raise ModelDownloadError(
            f"{name} could not be put into the cache: {reason}{where}. {_OWN} can name another folder"
        ) from error


def check_space(folder: Path, needed: int) -> None:
    """Raise ModelDownloadError where the disk of `folder` has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    # Some network file systems say 0 for what they do not know.
    if 0 < free < needed:
        raise ModelDownloadError(
            f"there is no space left for {format_size(needed)} in {folder}: {format_size(free)} are free. "
            f"'xllamacpp rm' removes models; {_OWN} can name another folder"
        )
