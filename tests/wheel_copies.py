"""Wheels for tests of the index: tiny ones that are made up, and copies of the built one under another label."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from packaging.requirements import Requirement

from index import wheel_file
from index.ledger import Dependency
from index.wheel_file import WheelFile

PLATFORM = "manylinux_2_17_x86_64"
"""str: of the copies, so that they install on any Linux that the tests run on."""

PYTHON = "Programming Language :: Python :: 3.11"
"""str: what the made up ones say that they are for."""


def make_wheel(
    folder: Path, name: str, version: str, *, tags: str = "py3-none-any", build: str = "", metadata: Iterable[str] = ()
) -> Path:
    """Write a wheel that holds one module of one line.

    Parameters
    ----------
    folder : Path
        Where to.
    name, version : str
        The project's, the name with underscores.
    tags : str, optional
        The name's last parts. Default: for any Python.
    build : str, optional
        The build tag. Default: none.
    metadata : iterable of str, optional
        More lines of METADATA.
    """
    info = f"{name}-{version}.dist-info"
    lines = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", f"Classifier: {PYTHON}", *metadata)
    files = {
        f"{name}.py": f"VERSION = {version!r}\n".encode(),
        f"{info}/METADATA": "".join(f"{line}\n" for line in lines).encode(),
        f"{info}/WHEEL": _wheel_text(tags),
    }
    path = folder / f"{name}-{version}{build and '-'}{build}-{tags}.whl"
    return _write(path, info, files)


def copy_wheel(
    wheel: Path,
    folder: Path,
    version: str,
    *,
    is_whole: bool = False,
    metadata: Iterable[str] = (),
    modules: Mapping[str, bytes] = MappingProxyType({}),
) -> Path:
    """Write a copy of the built wheel under another version, for any Linux.

    Parameters
    ----------
    wheel : Path
        The wheel.
    folder : Path
        Where to.
    version : str
        The copy's, with its local label.
    is_whole : bool, optional
        Whether it shall run. Default: False, without the libraries, which are most of it.
    metadata : iterable of str, optional
        More lines of METADATA.
    modules : mapping of str to bytes, optional
        More files among its libraries.
    """
    with zipfile.ZipFile(wheel) as archive:
        old = next(name.split("/")[0] for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        info, tags = f"xllamacpp-{version}.dist-info", f"cp311-abi3-{PLATFORM}"
        files = {
            name.replace(old, info, 1): archive.read(name)
            for name in archive.namelist()
            if not name.endswith(("/", ".dist-info/RECORD")) and (is_whole or not name.endswith(".so"))
        }
    files |= {f"xllamacpp/lib/{name}": content for name, content in modules.items()}
    lines = "\n".join([f"Version: {version}", *metadata]).encode()
    files[f"{info}/METADATA"] = re.sub(rb"^Version: .*$", lines, files[f"{info}/METADATA"], count=1, flags=re.MULTILINE)
    files[f"{info}/WHEEL"] = _wheel_text(tags)
    return _write(folder / f"xllamacpp-{version}-{tags}.whl", info, files)


def make_dependencies(folder: Path, url: str, wheel: WheelFile) -> tuple[Dependency, ...]:
    """Write a wheel for everything that another one depends on, of a version that all requirements take.

    Parameters
    ----------
    folder : Path
        Where to.
    url : str
        Where the folder is served.
    wheel : WheelFile
        The other one.
    """
    records = tuple(make_dependency(folder, url, Requirement(text).name, "999.0") for text in wheel.requires_dist)
    assert records
    return records


def make_dependency(folder: Path, url: str, project: str, version: str) -> Dependency:
    """Write a wheel of a project that ours may depend on, and return its record.

    Parameters
    ----------
    folder, url : Path, str
        Where to, and where that is served.
    project, version : str
        What it is called.
    """
    name = project.replace("-", "_").replace(".", "_")
    found = wheel_file.read(make_wheel(folder, name, version, metadata=["Requires-Python: >=3.8"]))
    return Dependency(found.path.name, f"{url}/{found.path.name}", found.sha256, found.size)


def _wheel_text(tags: str) -> bytes:
    is_pure = "true" if tags.endswith("any") else "false"
    return f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {is_pure}\nTag: {tags}\n".encode()


def _write(path: Path, info: str, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = [f"{name},sha256={_hash(content)},{len(content)}" for name, content in files.items()]
    record.append(f"{info}/RECORD,,")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in {**files, f"{info}/RECORD": "\n".join(record).encode() + b"\n"}.items():
            # A fixed time: the same wheel has the same hash.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
