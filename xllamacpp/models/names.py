"""The ways to name a model that is somewhere else.

::

    org/repo                         a repository on the Hugging Face Hub; its usual quantization
    org/repo:Q8_0                    another one
    org/repo@v1.0:Q8_0               at a branch, a tag or a commit
    hf://org/repo@v1.0:Q8_0          the same, whatever files are here
    hf://org/repo@v1.0/a/b.gguf      one file
    https://huggingface.co/org/repo/blob/v1.0/a/b.gguf
    https://example.org/b.gguf       a file from anywhere
    https://example.org/b.gguf#sha256=0123...
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit, urlunsplit

from xllamacpp.errors import ModelNotFoundError

_REVISION = r"(?:@(?P<revision>refs/(?:pr/\d+|convert/[\w.-]+)|[^:/@]+))?"
_REPO = r"(?P<repo>[\w][\w.-]*/[\w][\w.-]*)"
_SHORT = re.compile(rf"{_REPO}{_REVISION}(?::(?P<quant>[\w.-]+))?", re.ASCII)
_LONG = re.compile(rf"hf://{_REPO}{_REVISION}(?::(?P<quant>[\w.-]+)|/(?P<file>.+))?", re.ASCII)
_PAGE = re.compile(r"/([^/]+/[^/]+)(?:/(?:blob|resolve|raw)/(refs/(?:pr/\d+|convert/[^/]+)|[^/]+)/(.+))?/?")
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
_PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


@dataclass(frozen=True)
class HubName:
    """A model in a repository on the Hugging Face Hub.

    Parameters
    ----------
    repo : str
        The repository, ``org/name``.
    revision : str, optional
        A branch, a tag or a commit.
    quant : str, optional
        The quantization, in any case; empty takes the usual one.
    file : str, optional
        The path of the file in the repository; then there is no quantization.
    """

    repo: str
    revision: str = "main"
    quant: str = ""
    file: str = ""

    @property
    def uri(self) -> str:
        """The name as nothing else can be called."""
        return str(self) if self.file else f"hf://{self}"

    def __str__(self) -> str:
        revision = "" if self.revision == "main" else f"@{self.revision}"
        if self.file:
            return f"hf://{self.repo}{revision}/{self.file}"
        return f"{self.repo}{revision}" + (f":{self.quant}" if self.quant else "")


@dataclass(frozen=True)
class WebName:
    """A file on any web server.

    Parameters
    ----------
    url : str
        Its address, without a fragment.
    sha256 : str, optional
        The hash that it must have.
    """

    url: str
    sha256: str = ""

    @property
    def file(self) -> str:
        """What its file is called."""
        name = unquote(urlsplit(self.url).path).rpartition("/")[2]
        # It shall be one name, in any file system, and of no meaning to the system.
        return re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "model.gguf"

    @property
    def is_split(self) -> bool:
        """Whether the address is that of a part of a model in several files."""
        return bool(_PART.search(urlsplit(self.url).path))

    def __str__(self) -> str:
        return public_url(self.url)


def parse(text: str) -> HubName | WebName | None:
    """Read a model's name; None where it can only be a path, or a known model.

    Raises
    ------
    ModelNotFoundError
        It begins like an address, and is none.
    """
    if text.startswith("hf://"):
        if not (found := _LONG.fullmatch(text)):
            raise ModelNotFoundError(
                f"'{text}' is no model on the Hub: hf://org/repo, hf://org/repo:quantization, or "
                "hf://org/repo/file.gguf; a revision goes behind the repository, hf://org/repo@revision"
            )
        return _hub_name(found)
    if re.match(r"https?://", text, re.IGNORECASE):
        return _parse_url(text)
    # What ends like a file is one. hf:// is for the repository that does too.
    if text.lower().endswith(".gguf") or not (found := _SHORT.fullmatch(text)):
        return None
    return _hub_name(found)


def hub_name(repo: str, file: str = "") -> HubName:
    """Return the name of a model that llama.cpp's options give in two parts.

    Parameters
    ----------
    repo : str
        ``org/name`` or ``org/name:quantization``; ``@revision`` is understood too.
    file : str, optional
        A file in it, which counts for more than a quantization.

    Raises
    ------
    ModelNotFoundError
        That is no repository.
    """
    found = _SHORT.fullmatch(repo)
    if not found:
        raise ModelNotFoundError(f"'{repo}' is no repository on the Hub; those are called org/name")
    name = _hub_name(found)
    return replace(name, quant="", file=file) if file else name


def endpoint() -> str:
    """Return the Hub's address: a mirror of the user's, or the Hub itself."""
    # llama.cpp's own variable, then huggingface_hub's.
    for variable in ("MODEL_ENDPOINT", "HF_ENDPOINT"):
        if named := os.environ.get(variable):
            return named.rstrip("/")
    return "https://huggingface.co"


def public_url(url: str) -> str:
    """Return an address without what only its owner shall see: a password, a signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _hub_name(found: re.Match[str]) -> HubName:
    parts = {name: value for name, value in found.groupdict().items() if value}
    if "revision" in parts:
        parts["revision"] = unquote(parts["revision"])
    return HubName(**parts)


def _parse_url(text: str) -> HubName | WebName:
    try:
        parts = urlsplit(text)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ModelNotFoundError(f"'{text}' is no address of a file")
    if on_hub := _parse_page(text):
        return on_hub
    checked = _SHA256.fullmatch(parts.fragment)
    if parts.fragment.startswith("sha256") and not checked:
        raise ModelNotFoundError(f"'#{parts.fragment}' is no hash: #sha256= and 64 hexadecimal digits")
    name = WebName(urlunsplit(parts._replace(fragment="")), checked[1].lower() if checked else "")
    if name.sha256 and name.is_split:
        raise ModelNotFoundError(f"{name} is one of several files, and #sha256= is for one")
    return name


def _parse_page(text: str) -> HubName | None:
    """Read the address of a page on the Hub, as a browser shows it."""
    parts = urlsplit(text)
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if origin not in {endpoint().lower(), "https://huggingface.co", "https://hf.co"}:
        return None
    found = _PAGE.fullmatch(unquote(parts.path))
    if not found or parts.query not in ("", "download=true"):
        return None
    repo, _, quant = found[1].partition(":")
    if repo.lower().endswith(".gguf") and not found[3]:
        # A file beside the repositories: a mirror may have other things too.
        return None
    return HubName(repo, found[2] or "main", quant, found[3] or "")
