"""One file, from a server into the cache: resumed, checked, and there in one step.

What is not whole yet has a name of its own. Bytes are only ever written where they belong, and never taken away, so two
processes that write the same file at once do each other no harm, even where a volume's locks do not work. A process
that is killed leaves a beginning that the next one goes on with.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

import httpx2

from xllamacpp.errors import ModelDownloadError, ModelError
from xllamacpp.models.connection import Attempts, TroubleError, session, timeout_s
from xllamacpp.models.content import Content, read_on
from xllamacpp.models.folders import check_space
from xllamacpp.progress import Display, format_size, say, watch

_MOST_FAILURES = 5
_MAGIC = b"GGUF"


@dataclass(frozen=True)
class Source:
    """Where a file comes from.

    Parameters
    ----------
    url : str
        Its address.
    name : str
        What it is called in messages.
    explain : callable
        Makes an error of an answer that is final, such as 404.
    headers : dict, optional
        What to send along.
    validator : str, optional
        The ``ETag``, else the date, of the version that is meant, where the address alone may mean several.
    may_resume : bool, optional
        Whether the beginning of yesterday's file can be the beginning of today's: where the hash or the validator
        tells.
    """

    url: str
    name: str
    explain: Callable[[httpx2.Response], ModelError]
    headers: dict[str, str] = field(default_factory=dict)
    validator: str = ""
    may_resume: bool = True


class ChangedError(Exception):
    """The server has another version of the file than the one that was meant."""


def transfer(source: Source, content: Content, partial: Path, target: Path, *, progress: bool) -> str:
    """Fetch a file.

    Parameters
    ----------
    source : Source
        Where it is.
    content : Content
        What it must be.
    partial : Path
        Where it is kept until it is whole, on the same file system; the name stands for this content only.
    target : Path
        Where it goes.
    progress : bool
        Whether to show how far it has come.

    Returns
    -------
    str
        Its hash.

    Raises
    ------
    ModelDownloadError
        It could not be had, or is not what it must be.
    ChangedError
        The server has another version by now.
    OSError
        The file system would not take it.
    """
    for is_last in (False, True):
        with _Partial(partial, content) as file:
            with watch(f"checking what is here of {source.name}", progress) as shown:
                file.take_stock(shown)
            if file.position:
                say(f"{source.name}: going on at {format_size(file.position)}", progress)
            with watch(source.name, progress) as shown:
                _fill(file, source, content, shown, progress)
            try:
                return file.complete(target)
            except _CorruptError as error:
                partial.unlink(missing_ok=True)
                if is_last:
                    raise ModelDownloadError(
                        f"{source.name} is not what the server says it is, after a second try too: {error}. "
                        "Nothing of it was kept. A proxy or a mirror on the way may be at fault"
                    ) from None
                say(f"{source.name} came damaged ({error}); fetching it again", progress)
    raise AssertionError("unreachable")


def _fill(file: _Partial, source: Source, content: Content, shown: Display, progress: bool) -> None:
    if content.size is not None:
        check_space(file.path.parent, content.size - file.position)
    attempts = Attempts(f"fetching {source.name}", _MOST_FAILURES, progress)
    while content.size is None or file.position < content.size:
        before = file.position
        try:
            _receive(file, source, content, shown)
            return
        except TroubleError as trouble:
            if file.position > before:
                attempts.count_anew()
            attempts.wait(trouble)


def _receive(file: _Partial, source: Source, content: Content, shown: Display) -> None:
    """Send one request and write what comes."""
    # Bytes as they are: a place in a compressed answer is no place in the file.
    headers = {**source.headers, "Accept-Encoding": "identity"}
    if file.position and source.may_resume:
        headers["Range"] = f"bytes={file.position}-"
        if source.validator:
            headers["If-Range"] = source.validator
    try:
        with session().stream("GET", source.url, headers=headers, timeout=timeout_s()) as response:
            size = _begin(response, file, source, content)
            shown.at(file.position, size)
            if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                for chunk in response.iter_bytes():
                    if file.position == 0:
                        _check_beginning(chunk, source, content)
                    file.write(chunk)
                    shown.at(file.position, size)
    except httpx2.RequestError as error:
        raise TroubleError.of_error(error) from error
    if size is not None and file.position < size:
        raise TroubleError(f"the connection ended at {file.position} of {size} bytes", "Try it again later")


def _begin(response: httpx2.Response, file: _Partial, source: Source, content: Content) -> int | None:
    """Take what the answer's head says to heart; return the size of the whole file, if it tells."""
    if trouble := TroubleError.of_status(response):
        raise trouble
    size: int | None = None
    if response.status_code == HTTPStatus.OK:
        file.restart()
        if "Content-Encoding" not in response.headers:
            size = _number(response.headers.get("Content-Length", ""))
    elif response.status_code == HTTPStatus.PARTIAL_CONTENT:
        place, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if _number(place.partition("-")[0]) != file.position:
            raise TroubleError("the server sent another part of the file than it was asked for", "Try it again later")
        size = _number(whole)
    elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        size = _number(response.headers.get("Content-Range", "").rpartition("/")[2])
        if size != file.position:
            file.restart()
            raise TroubleError("the server has less of the file than was fetched already", "Try it again later")
    else:
        raise source.explain(response)
    if source.validator and validator_of(response) not in ("", source.validator):
        raise ChangedError
    if size is not None and content.size is not None and size != content.size:
        raise ModelDownloadError(
            f"{source.name} has {content.size} bytes, and the server offers {size}. "
            "A proxy or a mirror on the way may be at fault"
        )
    return size


def _check_beginning(chunk: bytes, source: Source, content: Content) -> None:
    if content.is_gguf and not chunk.startswith(_MAGIC):
        raise ModelDownloadError(
            f"{source.name} is no GGUF file: what the server sent begins with {chunk[:12]!r}. "
            "Is the address that of the file, or of a page about it?"
        )


def validator_of(response: httpx2.Response) -> str:
    """Return what tells this version of a file from others; empty where the server gives nothing."""
    etag = str(response.headers.get("ETag", ""))
    # A weak one says that two versions mean the same, not that they are.
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


class _CorruptError(Exception):
    """What was fetched has another hash or size than it must."""


class _Partial:
    """A file on its way."""

    def __init__(self, path: Path, content: Content) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._content = content
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        self.restart()

    def __enter__(self) -> _Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and os.fstat(self._file.fileno()).st_size == 0:
            # There is nothing to go on with.
            self.path.unlink(missing_ok=True)
        # On a full disk, what is still to be written fails once more.
        with contextlib.suppress(OSError):
            self._file.close()

    def take_stock(self, shown: Display) -> None:
        """Go to the end of what is there."""
        self.position = read_on(self._file, self._digest, self._content.size, shown)
        if self._content.size is not None and self.position > self._content.size:
            self.restart()

    def restart(self) -> None:
        """Go back to the beginning. What is there is written over, not cut off: another process may be at its end."""
        self._file.seek(0)
        self._digest = self._content.new_digest()
        self.position = 0

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._digest.update(chunk)
        self.position += len(chunk)

    def complete(self, target: Path) -> str:
        """Check it and move it to its place; return its hash."""
        self._file.truncate(self.position)
        self._file.flush()
        # Before the move: after a power cut, the name of a whole file must not stand for half of it.
        os.fsync(self._file.fileno())
        found = str(self._digest.hexdigest())
        if self._content.size not in (None, self.position):
            raise _CorruptError(f"it has {self.position} bytes instead of {self._content.size}")
        if self._content.expected not in ("", found):
            raise _CorruptError(f"its hash is {found} instead of {self._content.expected}")
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                self.path.replace(target)
                return found
        # Another process was faster, or somebody tidied up.
        if not target.exists():
            raise _CorruptError("somebody removed it meanwhile")
        return found
