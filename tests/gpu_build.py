"""A build with a GPU module that cannot be loaded, made of the installed one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import xllamacpp

MISSING = "libcudart.so.9"
"""str: what the module needs, and what no machine has: a CUDA that llama.cpp never ran with."""

DRIVER = "libcuda.so.99"
"""str: the same of NVIDIA's driver."""


def make_lame_module(missing: str) -> bytes:
    """Return a module that lacks a library, for the dynamic linker's own words, with no compiler at hand.

    Parameters
    ----------
    missing : str
        The library.
    """
    module = next((Path(xllamacpp.__file__).parent / "lib").glob("libggml-cpu*.so"))
    # Another name, not a longer one.
    needed, name = b"libstdc++.so.6\0", missing.encode() + b"\0"
    code = module.read_bytes()
    assert needed in code
    assert len(name) <= len(needed)
    return code.replace(needed, name.ljust(len(needed), b"\0"))


def make_gpu_build(folder: Path, *, row: str | None = None, missing: str = MISSING) -> dict[str, str]:
    """Make a package that is the installed one and has a CUDA module too.

    Parameters
    ----------
    folder : Path
        Where to.
    row : str, optional
        The row that it says it is of. Default: none, as a build of one's own.
    missing : str, optional
        The library that the module cannot be loaded without.

    Returns
    -------
    dict of str to str
        The environment that has Python take it.
    """
    package = folder / "xllamacpp"
    others = shutil.ignore_patterns("libggml-cuda*", "libggml-hip*", "libggml-vulkan*")
    shutil.copytree(Path(xllamacpp.__file__).parent, package, copy_function=os.symlink, ignore=others)
    (package / "lib/libggml-cuda.so").write_bytes(make_lame_module(missing))
    info = package / "_native/build_info.json"
    text = json.dumps({**json.loads(info.read_text(encoding="utf-8")), "row": row})
    info.unlink()
    info.write_text(text, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}
