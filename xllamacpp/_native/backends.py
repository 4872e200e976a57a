"""Loads the compute backends, before anything needs one."""

from __future__ import annotations

from pathlib import Path

from xllamacpp._native import _core
from xllamacpp.errors import Error


def load_backends() -> None:
    """Load the CPU module that suits this CPU best, and each GPU module whose driver is there.

    Every function that needs a backend calls it; only the first call does anything. The environment variable
    ``XLLAMACPP_CPU_MODULE`` names a CPU module to take instead of the best, e.g. ``haswell``.

    Raises
    ------
    Error
        No CPU module can be loaded; the text has the dynamic linker's reason.
    """
    # Beside the extension and not beside this file: an editable install keeps them apart.
    library_folder = Path(_core.__file__).parent.parent / "lib"
    try:
        _core.load_backends(str(library_folder))
    except RuntimeError as error:
        raise Error(str(error)) from None
