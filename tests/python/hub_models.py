"""What the tests of the Hub share: a repository, its files, a program that pulls, and what is in the cache."""

from __future__ import annotations

import random
import sys
import textwrap

from hub_server import HubServer, Repository
from xllamacpp.models import hub_folder

FILE = "model-Q4_K_M.gguf"


def content(seed: int, size: int = 300_000) -> bytes:
    """Make bytes that look like no other file's, and begin like a GGUF file's."""
    return b"GGUF" + random.Random(seed).randbytes(size)


Q4, Q8, MMPROJ = content(4), content(8), content(16)


def add_repository(hub: HubServer) -> Repository:
    """Add ``org/repo``, which has two quantizations and a projector."""
    files = {FILE: Q4, "model-Q8_0.gguf": Q8, "mmproj-model-F16.gguf": MMPROJ, "README.md": b"text"}
    hub.repositories["org/repo"] = Repository(files)
    return hub.repositories["org/repo"]


def cached_files() -> list[str]:
    """Return the path of everything in the Hub's cache but locks."""
    found = [path for path in hub_folder().rglob("*") if path.is_file() and ".locks" not in path.parts]
    return sorted(path.relative_to(hub_folder()).as_posix() for path in found)


def leftovers() -> list[str]:
    """Return what is there that is no file under its own name."""
    return [path for path in cached_files() if "incomplete" in path or ".new" in path]


def pulling(name: str, before: str = "") -> list[str]:
    """Return a program that pulls a model, after running `before`."""
    code = textwrap.dedent(before) + f"\nfrom xllamacpp.models import pull\nprint(pull({name!r}))"
    return [sys.executable, "-c", code]
