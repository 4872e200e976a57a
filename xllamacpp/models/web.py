"""Models from any web server.

Each address has a folder of its own in the cache. Beside a file lies a note of which version it is; the server is asked
for a newer one each time, unless the address names the hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2

from xllamacpp import __version__
from xllamacpp.errors import ModelDownloadError, ModelError, ModelNotFoundError
from xllamacpp.models import locks
from xllamacpp.models.connection import Access, Attempts, TroubleError, session, timeout_s
from xllamacpp.models.content import Content
from xllamacpp.models.folders import cache_errors, web_folder
from xllamacpp.models.names import WebName
from xllamacpp.models.notes import Note
from xllamacpp.models.transfer import ChangedError, Source, transfer, validator_of
from xllamacpp.progress import say

_MOST_FAILURES = 5
_PART = re.compile(r"-\d{5}-of-(?P<count>\d{5})(?=\.gguf$)", re.IGNORECASE)
_HEADERS = {"User-Agent": f"xllamacpp/{__version__}"}


def fetch(name: WebName, access: Access) -> Path:
    """Fetch a file from its address, and every other part of its model; return it.

    Raises
    ------
    ModelNotFoundError
        The server does not have it.
    ModelDownloadError
        It could not be fetched, and is not in the cache.
    """
    paths = [_Place(part).fetch(access) for part in _all_parts(name)]
    return paths[0]


def _all_parts(name: WebName) -> list[WebName]:
    parts = urlsplit(name.url)
    found = _PART.search(parts.path)
    if not found:
        return [name]
    count = int(found["count"])
    paths = [
        f"{parts.path[: found.start()]}-{index:05}-of-{count:05}{parts.path[found.end() :]}"
        for index in range(1, count + 1)
    ]
    return [WebName(urlunsplit(parts._replace(path=path))) for path in paths]


class _Place:
    """Where the file of an address is in the cache."""

    def __init__(self, name: WebName) -> None:
        self._name = name
        parts = urlsplit(name.url)
        # llama.cpp looks for the parts of a model in one folder. Who fetches it makes no difference.
        path, netloc = _PART.sub(r"-of-\g<count>", parts.path), parts.netloc.rpartition("@")[2]
        address = urlunsplit(parts._replace(path=path, netloc=netloc))
        key = hashlib.sha256(address.encode()).hexdigest()[:12]
        host = re.sub(r"[^\w.-]", "_", parts.hostname or "")
        self._path = web_folder() / host / key / name.file

    def fetch(self, access: Access) -> Path:
        with cache_errors(str(self._name)):
            if self._is_settled(access):
                return self._path
            try:
                self._update(access)
            except ModelError as error:
                if not self._is_whole(access):
                    raise
                say(f"taking {self._name} from the cache, since {error}", access.progress)
        return self._path

    def _is_settled(self, access: Access) -> bool:
        """Tell whether there is nothing to ask the server for."""
        if self._name.sha256 and self._is_whole(access):
            return True
        if access.may_connect:
            return False
        if self._is_whole(access):
            return True
        raise ModelDownloadError(
            f"{self._name} is not in the cache ({web_folder()}), and offline mode (HF_HUB_OFFLINE, --offline) forbids "
            "to fetch it"
        )

    def _is_whole(self, access: Access) -> bool:
        note = Note.of(self._path)
        if note is None or not self._path.is_file() or self._path.stat().st_size != note.size:
            return False
        if self._name.sha256 not in ("", note.sha256):
            return False
        content = Content(note.size, sha256=note.sha256)
        if not access.verify or content.matches(self._path, str(self._name), access.progress):
            return True
        say(f"the copy of {self._name} in the cache is damaged", access.progress)
        return False

    def _update(self, access: Access) -> None:
        # A cache that has the newest version already may be read-only, so there is no lock before there is news.
        offer = self._ask(access)
        if offer is None:
            return
        waiting = f"waiting for another process that fetches {self._name}"
        for is_last in (False, True):
            with locks.held(self._path.with_name(f"{self._path.name}.lock"), lambda: say(waiting, access.progress)):
                note = Note.of(self._path)
                if note and self._is_whole(access) and note.validator == offer.validator != "":
                    return
                try:
                    self._download(offer, access)
                    return
                except ChangedError:
                    if is_last:
                        raise ModelDownloadError(f"{self._name} changes faster than it can be fetched") from None
            offer = self._ask(access) or offer

    def _ask(self, access: Access) -> _Offer | None:
        """Ask the server which version it has; None where it is the one in the cache."""
        note = Note.of(self._path) if self._is_whole(access) else None
        headers = dict(_HEADERS)
        if note and note.validator:
            is_etag = note.validator.startswith('"')
            headers["If-None-Match" if is_etag else "If-Modified-Since"] = note.validator
        attempts = Attempts(f"asking for {self._name}", 1 if note else _MOST_FAILURES, access.progress)
        while True:
            try:
                # Not HEAD: an address that is signed for a download is good for GET only.
                with session().stream("GET", self._name.url, headers=headers, timeout=timeout_s()) as response:
                    if trouble := TroubleError.of_status(response):
                        raise trouble
                    if response.status_code == HTTPStatus.NOT_MODIFIED:
                        return None
                    if response.status_code != HTTPStatus.OK:
                        raise _explain(response, self._name)
                    offer = _Offer.of(response)
                    break
            except httpx2.RequestError as error:
                attempts.wait(TroubleError.of_error(error))
            except TroubleError as trouble:
                attempts.wait(trouble)
            except httpx2.InvalidURL as error:
                raise ModelNotFoundError(f"'{self._name}' is no address of a file: {error}") from None
        # There are servers that do not know conditions, and those that cannot tell versions apart.
        if note and (note.validator == offer.validator and offer.size in (None, note.size)):
            return None
        return offer

    def _download(self, offer: _Offer, access: Access) -> None:
        # The version is in the name: what is there of another one is nothing to go on with.
        version = hashlib.sha256((offer.validator or secrets.token_hex()).encode()).hexdigest()[:12]
        partial = self._path.with_name(f"{self._path.name}.{version}.incomplete")
        self._remove_partials(keep=partial)
        if Note.of(self._path) is None:
            # What is there of it shall have a name too.
            partial.parent.mkdir(parents=True, exist_ok=True)
            Note(str(self._name)).write(self._path)
        source = Source(
            url=self._name.url,
            name=str(self._name),
            explain=lambda response: _explain(response, self._name),
            headers=_HEADERS,
            validator=offer.validator,
            may_resume=bool(offer.validator),
        )
        content = Content(offer.size, sha256=self._name.sha256, is_gguf=True)
        found = transfer(source, content, partial, self._path, progress=access.progress)
        Note(str(self._name), offer.validator, self._path.stat().st_size, found).write(self._path)

    def _remove_partials(self, keep: Path) -> None:
        """Remove what killed processes left of other versions: nobody else is at it while we hold the lock."""
        for left in self._path.parent.glob("*.incomplete"):
            if left != keep and left.name.startswith(f"{self._path.name}."):
                with contextlib.suppress(OSError):
                    left.unlink()


@dataclass(frozen=True)
class _Offer:
    """What a server has under an address."""

    validator: str
    size: int | None

    @classmethod
    def of(cls, response: httpx2.Response) -> _Offer:
        length = response.headers.get("Content-Length", "")
        is_plain = "Content-Encoding" not in response.headers
        return cls(validator_of(response), int(length) if length.isdecimal() and is_plain else None)


def _explain(response: httpx2.Response, name: WebName) -> ModelError:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    match response.status_code:
        case 404 | 410:
            return ModelNotFoundError(f"there is no file {name} (the server answered {status})")
        case 401 | 403:
            return ModelDownloadError(
                f"{name} may not be read (the server answered {status}). An address can hold a user and a password, "
                "https://user:password@..., or a signature of the server's"
            )
    return ModelDownloadError(f"{name} could not be fetched: the server answered {status}")
