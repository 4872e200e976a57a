"""Real shared libraries that hold one number each: what a GPU module links to, with nothing of NVIDIA's in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

CUBLAS = "libcublas.so.12"


def make_library(file: Path, number: int, *, needs: Iterable[Path] = (), runpath: str = "") -> Path:
    """Compile a library whose function ``number`` gives a number, and return its file.

    Parameters
    ----------
    file : Path
        Where to; its name becomes the SONAME.
    number : int
        The number; with ``needs``, the one of the first of them is added.
    needs : iterable of Path, optional
        Libraries that it links to.
    runpath : str, optional
        Where it looks for them.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    needs = list(needs)
    added = "extern int number_of_need(void);\n" if needs else ""
    name = "module_number" if needs else "number_of_need"
    code = f"{added}int {name}(void) {{ return {number}{' + number_of_need()' if needs else ''}; }}\n"
    # Some distributions' linkers leave out what nothing is used of.
    linking = f"-Wl,-soname,{file.name},--enable-new-dtags,--no-as-needed"
    options = ["-shared", "-fPIC", "-x", "c", "-", "-x", "none", linking]
    paths = [f"-Wl,-rpath,{runpath}"] if runpath else []
    subprocess.run(["cc", "-o", str(file), *options, *map(str, needs), *paths], input=code, text=True, check=True)
    return file


def run_python(code: str, **environment: str) -> str:
    """Run code in a process of its own, as a loaded library stays loaded; return what it printed."""
    command = [sys.executable, "-c", code]
    inherited = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    return subprocess.run(command, env={**inherited, **environment}, capture_output=True, text=True, check=True).stdout
