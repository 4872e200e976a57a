"""A build with a GPU module that cannot be loaded, made of the installed one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import xllamacpp

MISSING = "libcudart.so.9"
"""str: what the module needs, and what no machine has: a CUDA that llama.cpp never ran with."""


def make_gpu_build(folder: Path) -> dict[str, str]:
    """Make a package that is the installed one and has a CUDA module too.

    Returns
    -------
    dict of str to str
        The environment that has Python take it.
    """
    package = folder / "xllamacpp"
    others = shutil.ignore_patterns("libggml-cuda*", "libggml-hip*", "libggml-vulkan*")
    shutil.copytree(Path(xllamacpp.__file__).parent, package, copy_function=os.symlink, ignore=others)
    module = next((package / "lib").glob("libggml-cpu*.so"))
    # The dynamic linker's own words for a missing library, with no compiler at hand: another name, not a longer one.
    needed = b"libstdc++.so.6\0"
    code = module.read_bytes()
    assert needed in code
    (package / "lib/libggml-cuda.so").write_bytes(code.replace(needed, MISSING.encode() + b"\0"))
    return {"PYTHONPATH": str(folder)}
