"""The options that name models: ``--model``, ``--hf-repo``, ``--model-url``, and those for the draft and the projector.

llama.cpp has a downloader of its own. Here all of them go through :mod:`xllamacpp.models`, so that there is one cache,
with locks, tokens, checks and progress; then llama.cpp finds files. Only Docker's registry, and an address together
with the path to put the file at, are left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xllamacpp import CommonParams, common_speculative_type
from xllamacpp.models import KNOWN, ResolvedModel, find, names
from xllamacpp.models.resolution import find_in
from xllamacpp.params import CommonParamsModel
from xllamacpp.progress import say

if TYPE_CHECKING:
    from xllamacpp.models.hub import Repository

# What llama.cpp calls the files of these, in its order of preference.
_SIDECARS = {
    common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_MTP: "mtp-",
    common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_DSPARK: "dspark-",
    common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_DFLASH: "dflash-",
    common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_EAGLE3: "eagle3-",
}

# llama.cpp's name for it.
_PRESETS = "preset.ini"


def resolve_models(params: CommonParams, repository: Repository | None = None) -> None:
    """Put files in the place of names, and fetch what is not here yet.

    Parameters
    ----------
    params : CommonParams
        What the options made of it; changed.
    repository : Repository, optional
        The model's, where :func:`take_presets` has asked for it.

    Raises
    ------
    ModelNotFoundError
        There is no such file, and nothing else of that name.
    ModelDownloadError
        Something could not be fetched.
    """
    _resolve_draft(params)
    _resolve_model(params, repository)
    _resolve_projector(params)


def take_presets(params: CommonParams) -> Repository | None:
    """Put the models of a repository in its place, where it has a list of presets for them.

    Parameters
    ----------
    params : CommonParams
        What the options made of it; changed.

    Returns
    -------
    Repository or None
        The model's, where the Hub was asked for it, so that it is asked once.

    Raises
    ------
    ModelNotFoundError
        There is no such repository.
    ModelDownloadError
        It could not be asked, or the list not be fetched.
    """
    if not params.model.hf_repo or params.model.hf_file:
        return None
    repository = _open(params, params.model.hf_repo)
    if not repository.has(_PRESETS):
        return repository
    params.models_preset = str(repository.fetch(_PRESETS))
    say(f"models, and their settings, as {params.model.hf_repo} has them in its {_PRESETS}", True)
    params.model.hf_repo = ""
    return None


def _resolve_model(params: CommonParams, repository: Repository | None) -> None:
    model = params.model
    name = _elsewhere(model) or ("" if model.url or model.docker_repo else model.path)
    if not name:
        return
    mmproj = not (params.no_mmproj or params.mmproj.path or params.mmproj.url)
    # A draft that was named comes before one that lies beside the model.
    sidecars = [] if params.speculative.draft.mparams.path else _requested_sidecars(params)
    if repository:
        found = find_in(repository, mmproj=mmproj, siblings=sidecars)
    else:
        found = _find(params, name, mmproj=mmproj, siblings=sidecars)
    _set_path(model, found.path)
    if found.mmproj:
        params.mmproj.path = str(found.mmproj)
    if drafts := [found.siblings[sidecar] for sidecar in sidecars if sidecar in found.siblings]:
        params.speculative.draft.mparams.path = str(drafts[0])
    if not params.model_alias and found.path != Path(name).expanduser():
        # llama.cpp would call it by its place in the cache.
        is_address = found.name.startswith(("http://", "https://"))
        params.model_alias.add(found.path.name if is_address else found.name)


def _resolve_projector(params: CommonParams) -> None:
    projector = params.mmproj
    if name := _elsewhere(projector) or _name_in(projector.path):
        _set_path(projector, _find(params, name).path)


def _resolve_draft(params: CommonParams) -> None:
    draft = params.speculative.draft.mparams
    if draft.hf_repo and not draft.hf_file:
        repository = _open(params, draft.hf_repo)
        if not _take_sidecar(params, repository):
            _set_path(draft, find_in(repository, mmproj=False).path)
    elif name := _elsewhere(draft) or _name_in(draft.path):
        _set_path(draft, _find(params, name).path)


def _take_sidecar(params: CommonParams, repository: Repository) -> bool:
    """Draft by what a repository has for it beside its models; tell whether it has something."""
    speculative = params.speculative
    is_open = not [kind for kind in speculative.types if kind != common_speculative_type.COMMON_SPECULATIVE_TYPE_NONE]
    for kind, keyword in _SIDECARS.items():
        if (is_open or kind in speculative.types) and (path := repository.sibling(keyword)):
            if is_open:
                speculative.types = [kind]
            _set_path(speculative.draft.mparams, repository.fetch(path))
            return True
    return False


def _open(params: CommonParams, name: str) -> Repository:
    # Takes half a second to import.
    from xllamacpp.models import hub
    from xllamacpp.models.connection import Access

    return hub.open_repository(names.hub_name(name), Access(params.hf_token, is_offline=params.offline))


def _requested_sidecars(params: CommonParams) -> list[str]:
    return [keyword for kind, keyword in _SIDECARS.items() if kind in params.speculative.types]


def _elsewhere(model: CommonParamsModel) -> str:
    """Return the name of a model that is given by a repository or an address; empty for others."""
    if model.hf_repo:
        return names.hub_name(model.hf_repo, model.hf_file).uri
    # With a path, that is where llama.cpp shall put it.
    return "" if model.path else model.url


def _name_in(path: str) -> str:
    """Return a path that is a name; empty for a path."""
    is_name = path in KNOWN or (path and not Path(path).expanduser().exists() and names.parse(path))
    return path if is_name else ""


def _find(params: CommonParams, name: str, *, mmproj: bool = False, siblings: Sequence[str] = ()) -> ResolvedModel:
    return find(name, mmproj=mmproj, siblings=siblings, token=params.hf_token, offline=params.offline)


def _set_path(model: CommonParamsModel, path: Path) -> None:
    model.path = str(path)
    # llama.cpp would fetch these once more.
    model.hf_repo = model.hf_file = model.url = ""
