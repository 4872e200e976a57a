"""A stand-in for the source distribution that carries llama.cpp: the same layout, a few hundred bytes."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# pip runs a source distribution's metadata hook even for a download; this one needs nothing installed.
_BACKEND = """
import pathlib

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = pathlib.Path(metadata_directory, "llama_cpp_python-{version}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: {version}\\n")
    return folder.name
"""

# The folders that the build reads, as llama_cpp_fetch.cmake names them.
_PARTS = ("licenses", "cmake", "common", "ggml", "scripts", "src", "tools", "vendor")


@dataclass(frozen=True)
class Sdist:
    """An archive in a folder that pip can take for a wheelhouse.

    Parameters
    ----------
    path : Path
        The archive.
    version : str
        The version of the package, which is not llama.cpp's.
    """

    path: Path
    version: str

    @property
    def sha256(self) -> str:
        """The archive's hash."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def environment(self) -> dict[str, str]:
        """Makes pip take packages from the archive's folder and from nowhere else."""
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.path.parent), "PIP_CONFIG_FILE": "/dev/null"}


@pytest.fixture
def make_sdist(tmp_path: Path) -> Callable[..., Sdist]:
    """Write a source distribution; ``files`` adds to what it holds or replaces it."""

    def make(version: str = "9.9.9", files: dict[str, str] | None = None) -> Sdist:
        llama_cpp_lists = "set(LLAMA_VERSION_MAJOR 7)\nset(LLAMA_VERSION_MINOR 8)\nset(LLAMA_VERSION_PATCH 9)\n"
        contents = {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: {version}\n",
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            "backend.py": _BACKEND.format(version=version),
            "CHANGELOG.md": f"## [{version}]\n- now llama.cpp@abcdef0123\n\n## [0.0.1]\n- now llama.cpp@1234567890\n",
            "vendor/llama.cpp/CMakeLists.txt": llama_cpp_lists,
            "vendor/llama.cpp/LICENSE": "a licence",
            "vendor/llama.cpp/include/llama.h": "// a header",
            **{f"vendor/llama.cpp/{part}/a file": "" for part in _PARTS},
            "vendor/llama.cpp/models/vocabulary.gguf": "what no build reads",
            **(files or {}),
        }
        path = tmp_path / "wheelhouse" / f"llama_cpp_python-{version}.tar.gz"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            for name, text in contents.items():
                member = tarfile.TarInfo(f"llama_cpp_python-{version}/{name}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        return Sdist(path, version)

    return make
