"""Finds the libraries that an extra of the wheel has installed elsewhere than beside this package.

The GPU module looks beside the package (its RUNPATH), where one environment has both. They are apart where pure
packages and others have folders of their own (Fedora's lib and lib64), and where one is the system's or the user's.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xllamacpp.select.rows import Extra


def load_extra_libraries(module: Path, extra: Extra) -> None:
    """Load what a module misses from wherever Python finds the extra's packages; the linker then takes it from there.

    What cannot be found or loaded is left to the load of the module, which keeps the dynamic linker's words.

    Parameters
    ----------
    module : Path
        The GPU module.
    extra : Extra
        The extra of its wheel.
    """
    folders = [Path(entry, folder) for entry in sys.path for folder in extra.folders]
    for _ in extra.libraries:
        missing = _missing_library(module)
        if missing not in extra.libraries:
            return
        found = next((folder / missing for folder in folders if (folder / missing).exists()), None)
        if found is None or _missing_library(found):
            return


def _missing_library(library: Path) -> str:
    """Load a library; return which one it cannot be loaded without, in whatever words: empty where it is loaded."""
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error).partition(":")[0]
    return ""
