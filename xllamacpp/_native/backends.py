"""Loads the compute backends, before anything needs one."""

from __future__ import annotations

import functools
from pathlib import Path

from xllamacpp._build_info import BUILD_INFO
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
    _load_extra_libraries(library_folder)
    try:
        _core.load_backends(str(library_folder))
    except RuntimeError as error:
        raise Error(str(error)) from None


@functools.cache
def _load_extra_libraries(library_folder: Path) -> None:
    # Not at the top: an import of xllamacpp is to be cheap.
    from xllamacpp._native.extra_libraries import load_extra_libraries
    from xllamacpp.select.rows import load_rows

    row = load_rows().find(BUILD_INFO["row"])
    if row and row.extra:
        load_extra_libraries(library_folder / f"libggml-{row.backend}.so", row.extra)
