"""What the Hub's cache holds of GGUF models, and how to get rid of it.

Other programs share that cache. What they keep there, weights in other formats say, is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import CachedFileInfo, CachedRepoInfo, CachedRevisionInfo, HFCacheInfo, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from xllamacpp.errors import ModelError, ModelNotFoundError
from xllamacpp.models import files
from xllamacpp.models.contents import CachedModel, Removal, check_free
from xllamacpp.models.folders import hub_folder
from xllamacpp.models.names import HubName


def contents() -> Iterator[CachedModel]:
    """Give the models, and what there is of those that are not whole."""
    info = _scan()
    if info is None:
        return
    for repo in info.repos:
        if repo.repo_type == "model":
            yield from _models(repo)
    for name, paths in _partials(info).items():
        yield CachedModel.of(name, paths, is_whole=False)


def removal(name: HubName) -> Removal | None:
    """Plan the removal of a repository's models, or of one; None where there is none."""
    info = _scan()
    if info is None:
        return None
    is_all = not name.quant and not name.file
    partials = _partials(info).get(name.repo, []) if is_all else []
    repo = next((repo for repo in info.repos if (repo.repo_type, repo.repo_id) == ("model", name.repo)), None)
    selected: list[CachedFileInfo] = []
    for revision in repo.revisions if repo else ():
        # Without a revision, the model is gone from all of them: they share its file.
        if name.revision in ("main", revision.commit_hash, *revision.refs):
            selected += _selected(revision, name)
    if not selected and not partials:
        return None
    strategy = info.delete_files(*selected)
    size = strategy.expected_freed_size + sum(path.stat().st_size for path in partials)

    def act() -> None:
        for lock in sorted((hub_folder() / ".locks" / _folder_name(name.repo)).glob("*.lock")):
            check_free(name.repo, lock)
        strategy.execute()
        for path in partials:
            path.unlink(missing_ok=True)
        _remove_empty(name.repo)
        if left := [path for path in strategy.blobs if path.exists()]:
            raise ModelError(f"{name} could not be removed: {left[0]} is still there. May this user write there?")

    return Removal(str(name), size, act)


def _scan() -> HFCacheInfo | None:
    try:
        return scan_cache_dir(hub_folder())
    except CacheNotFound:
        return None


def _models(repo: CachedRepoInfo) -> Iterator[CachedModel]:
    seen: set[Path] = set()
    for revision in sorted(repo.revisions, key=lambda revision: (_revision_name(revision), revision.commit_hash)):
        by_path = _by_path(revision)
        for path in filter(files.is_model, by_path):
            try:
                parts, is_whole = files.all_parts(by_path, path), True
            except ModelNotFoundError:
                parts, is_whole = [path], False
            blobs = {by_path[part].blob_path for part in parts}
            # A commit that no branch is at any more, with the same file.
            if blobs <= seen and not revision.refs:
                continue
            seen |= blobs
            name = str(_name(repo.repo_id, _revision_name(revision)[1], path, list(by_path)))
            yield CachedModel.of(name, [by_path[part].file_path for part in parts], is_whole)


def _revision_name(revision: CachedRevisionInfo) -> tuple[int, str]:
    """Return what a revision is called, with its rank among others."""
    if "main" in revision.refs:
        return 0, "main"
    return (1, min(revision.refs)) if revision.refs else (2, revision.commit_hash)


def _name(repo: str, revision: str, path: str, paths: list[str]) -> HubName:
    """Return the shortest name that stands for a file."""
    quant = files.quant_of(path)
    try:
        if files.choose(paths, quant) == path:
            return HubName(repo, revision, quant)
    except ModelNotFoundError:
        pass
    return HubName(repo, revision, file=path)


def _by_path(revision: CachedRevisionInfo) -> dict[str, CachedFileInfo]:
    found = {file.file_path.relative_to(revision.snapshot_path).as_posix(): file for file in revision.files}
    return dict(sorted(found.items()))


def _selected(revision: CachedRevisionInfo, name: HubName) -> list[CachedFileInfo]:
    """Return the files of a revision that a name stands for, with what belongs to them alone."""
    by_path = {path: file for path, file in _by_path(revision).items() if path.endswith(".gguf")}
    if not name.quant and not name.file:
        return list(by_path.values())
    try:
        first = name.file or files.choose(list(by_path), name.quant)
        files.check_has(list(by_path), first)
    except ModelNotFoundError:
        return []
    parts = set(files.known_parts(by_path, first))
    if not any(map(files.is_model, by_path.keys() - parts)):
        # Its projector is of no use to anyone else.
        return list(by_path.values())
    return [by_path[part] for part in parts]


def _partials(info: HFCacheInfo) -> dict[str, list[Path]]:
    """Return what there is of files that are not whole, by repository."""
    found: dict[str, list[Path]] = {}
    for file in sorted(info.incomplete_files, key=lambda file: file.file_path):
        kind, _, repo = file.file_path.parents[1].name.partition("--")
        if kind == "models":
            found.setdefault(repo.replace("--", "/"), []).append(file.file_path)
    return found


def _remove_empty(repo: str) -> None:
    """Remove the revisions that have no file left, and the repository's folder with the last of them."""
    info = _scan()
    for cached in info.repos if info else ():
        if (cached.repo_type, cached.repo_id) == ("model", repo):
            empty = [revision.commit_hash for revision in cached.revisions if not revision.files]
            if info and empty:
                info.delete_revisions(*empty).execute()


def _folder_name(repo: str) -> str:
    return f"models--{repo.replace('/', '--')}"
