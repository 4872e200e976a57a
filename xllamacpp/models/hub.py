"""Models in repositories on the Hugging Face Hub, or on a mirror of it.

What a repository holds comes through huggingface_hub, and so do tokens, proxies and offline mode; files go into its
cache. It would fetch them too, but forgets what it has of a file when it is stopped: ours goes on there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx2
from huggingface_hub import constants, get_token, hf_hub_download
from huggingface_hub.hf_api import ModelInfo

from xllamacpp import __version__
from xllamacpp.errors import ModelDownloadError, ModelError, ModelNotFoundError
from xllamacpp.models import files, locks
from xllamacpp.models.connection import Access, Attempts, TroubleError, session, timeout_s
from xllamacpp.models.content import Content
from xllamacpp.models.folders import cache_errors, hub_folder
from xllamacpp.models.hub_errors import explain
from xllamacpp.models.hub_folders import RepositoryFolder, is_commit
from xllamacpp.models.names import HubName, endpoint
from xllamacpp.models.transfer import Source, transfer
from xllamacpp.progress import say

_MOST_FAILURES = 4


class Repository:
    """What a repository holds at one commit, as the Hub says it, or as far as the cache has it.

    Parameters
    ----------
    name : HubName
        What the user asked for.
    access : Access
        How it may be fetched.
    commit : str
        The commit.
    contents : dict of str to Content
        What there is, by its path.
    """

    def __init__(self, name: HubName, access: Access, commit: str, contents: dict[str, Content]) -> None:
        self.name = name
        self.access = access
        self._commit = commit
        self._files = contents
        self._folder = RepositoryFolder(name.repo)

    def model(self) -> list[str]:
        """Return the files of the model, the first part first.

        Raises
        ------
        ModelNotFoundError
            There is no such model.
        """
        try:
            if self.name.file:
                files.check_has(list(self._files), self.name.file)
                chosen = self.name.file
            else:
                chosen = files.choose(list(self._files), self.name.quant)
            return files.all_parts(self._files, chosen)
        except ModelNotFoundError as error:
            raise ModelNotFoundError(f"{self.name}: {error}") from None

    def has(self, path: str) -> bool:
        """Tell whether there is such a file."""
        return path in self._files

    def sibling(self, keyword: str) -> str:
        """Return the file that belongs to the model and has `keyword` in its name; empty where there is none."""
        try:
            model = self.model()[0]
        except ModelNotFoundError:
            # A repository may hold nothing else.
            model = ""
        return files.sibling(self._files, model, keyword, "" if keyword == files.MMPROJ else self.name.quant)

    def fetch(self, path: str) -> Path:
        """Fetch a file into the cache, unless it is there whole; return it."""
        pointer = self._folder.pointer(self._commit, path)
        with cache_errors(f"{self.name.repo}/{path}"):
            if not self._is_whole(pointer, path):
                if pointer.exists():
                    say(f"the copy of {self.name.repo}/{path} in the cache is damaged", self.access.progress)
                self._fetch(path)
            self._folder.remember(self.name.revision, self._commit)
        return pointer

    def _is_whole(self, place: Path, path: str) -> bool:
        if not place.is_file():
            return False
        # The size will do for every day: the hash was compared when the file was put there.
        content = self._files[path]
        if self.access.verify:
            return content.matches(place, f"{self.name.repo}/{path}", self.access.progress)
        return content.size in (None, place.stat().st_size)

    def _fetch(self, path: str) -> None:
        name, content = f"{self.name.repo}/{path}", self._files[path]
        if not self.access.may_connect:
            raise ModelDownloadError(f"{name} cannot be fetched again in offline mode (HF_HUB_OFFLINE, --offline)")
        if not content.expected or (content.size or 0) > constants.MAX_HTTP_DOWNLOAD_SIZE:
            self._leave_to_hub(path)
            return
        blob = self._folder.blob(content.expected)
        progress = self.access.progress
        waiting = f"waiting for another process that fetches {name}"
        with locks.held(self._folder.lock(content.expected), lambda: say(waiting, progress)):
            # Another process may have fetched it while this one waited, or another revision has it too.
            if not self._is_whole(blob, path):
                headers, has_token = _headers(self.access)
                source = Source(
                    url=f"{endpoint()}/{self.name.repo}/resolve/{self._commit}/{quote(path)}",
                    name=name,
                    explain=lambda response: explain(response, self.name, has_token),
                    headers=headers,
                )
                transfer(source, content, self._folder.partial(content.expected), blob, progress=progress)
            self._folder.point(self._commit, path, blob)

    def _leave_to_hub(self, path: str) -> None:
        """Have huggingface_hub fetch a file: the Hub gives very large ones only in the way of its own storage."""
        say(f"huggingface_hub fetches {self.name.repo}/{path}", self.access.progress)
        try:
            hf_hub_download(
                self.name.repo,
                path,
                revision=self._commit,
                cache_dir=hub_folder(),
                token=self.access.token or None,
                endpoint=endpoint(),
            )
        # Its errors have no base of their own.
        except (OSError, RuntimeError, ValueError, httpx2.HTTPError) as error:
            raise ModelDownloadError(f"huggingface_hub could not fetch {self.name.repo}/{path}: {error}") from error


@dataclass(frozen=True)
class Fetched:
    """A model in the cache.

    Parameters
    ----------
    path : Path
        Its file, of several the first.
    siblings : dict of str to Path
        Files that belong to it, by what they have in their names.
    """

    path: Path
    siblings: dict[str, Path]


def fetch(repository: Repository, siblings: Sequence[str] = ()) -> Fetched:
    """Fetch a model; take it from the cache where that has one and the Hub's cannot be had.

    Parameters
    ----------
    repository : Repository
        What holds it, and its name.
    siblings : sequence of str, optional
        What is wanted beside it, by what it has in its name; what there is not is left out.

    Raises
    ------
    ModelNotFoundError
        There is no such file.
    ModelDownloadError
        It could not be fetched, and is not in the cache.
    """
    try:
        return _fetch(repository, siblings)
    except ModelDownloadError as error:
        # A new commit, say, and a cache that is read-only.
        name, access = repository.name, repository.access
        cached = _in_cache(name, access)
        if cached is None or not access.may_connect or not _has_model(cached):
            raise
        _say_cached(name, access, error)
        return _fetch(cached, siblings)


def open_repository(name: HubName, access: Access) -> Repository:
    """Find out what a repository holds: from the Hub, or from the cache where the Hub cannot tell.

    Raises
    ------
    ModelNotFoundError
        There is no such repository or revision.
    ModelDownloadError
        The Hub could not be asked, and the cache does not have what was asked for.
    """
    cached = _in_cache(name, access)
    if not access.may_connect:
        if cached is None:
            raise ModelDownloadError(
                f"{name} is not in the cache ({hub_folder()}), and offline mode (HF_HUB_OFFLINE, --offline) forbids to "
                "fetch it"
            )
        return cached
    try:
        return _on_hub(name, access, most_failures=1 if cached else _MOST_FAILURES)
    except ModelError as error:
        if cached is None or not _has_model(cached):
            raise
        _say_cached(name, access, error)
        return cached


def _fetch(repository: Repository, siblings: Sequence[str]) -> Fetched:
    paths = [repository.fetch(path) for path in repository.model()]
    found = {keyword: repository.sibling(keyword) for keyword in siblings}
    return Fetched(paths[0], {keyword: repository.fetch(path) for keyword, path in found.items() if path})


def _say_cached(name: HubName, access: Access, error: ModelError) -> None:
    say(f"taking {name} from the cache, since {error}", access.progress)


def _has_model(repository: Repository) -> bool:
    try:
        return bool(repository.model())
    except ModelNotFoundError:
        return False


def _on_hub(name: HubName, access: Access, most_failures: int) -> Repository:
    # Not by HfApi.model_info: for its user agent, it asks the server for a list of other programs and keeps it at home.
    url = f"{endpoint()}/api/models/{name.repo}/revision/{quote(name.revision, safe='')}"
    headers, has_token = _headers(access)
    attempts = Attempts(f"asking {endpoint()} for {name.repo}", most_failures, access.progress)
    while True:
        try:
            response = session().get(url, params={"blobs": "true"}, headers=headers, timeout=timeout_s())
            if trouble := TroubleError.of_status(response):
                raise trouble
            break
        except httpx2.RequestError as error:
            attempts.wait(TroubleError.of_error(error))
        except TroubleError as trouble:
            attempts.wait(trouble)
    if not response.is_success:
        raise explain(response, name, has_token)
    try:
        info = ModelInfo(**response.json())  # type: ignore[no-untyped-call]
        commit = str(info.sha or "")
        contents = {
            sibling.rfilename: Content(sibling.size, sibling.lfs.sha256 if sibling.lfs else "", sibling.blob_id or "")
            for sibling in info.siblings or []
            if _is_inside(sibling.rfilename)
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        contents, commit = {}, ""
    if not is_commit(commit):
        raise ModelDownloadError(f"{endpoint()} does not speak as the Hub does; is HF_ENDPOINT right?")
    return Repository(name, access, commit, contents)


def _in_cache(name: HubName, access: Access) -> Repository | None:
    folder = RepositoryFolder(name.repo)
    # A cache that cannot be read is like none: the Hub is asked next.
    with contextlib.suppress(OSError):
        commit = folder.commit(name.revision)
        if contents := folder.contents(commit):
            return Repository(name, access, commit, contents)
    return None


def _headers(access: Access) -> tuple[dict[str, str], bool]:
    """Return what goes with each request, and whether a token is in it."""
    token = access.token or (None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token())
    headers = {"User-Agent": f"xllamacpp/{__version__}"}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers, bool(token)


def _is_inside(path: str) -> bool:
    """Tell whether a path that a server gave stays in the folder that it is for."""
    return not path.startswith("/") and ".." not in path.split("/") and "\\" not in path
