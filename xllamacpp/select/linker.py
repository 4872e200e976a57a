"""Libraries that are on a machine where its dynamic linker does not look."""

from __future__ import annotations

from .machine import Machine
from .rows import Row


def link_libraries(row: Row, machine: Machine) -> tuple[str, ...]:
    """Say how the dynamic linker finds those that a build's wheel links to, one line for each folder."""
    if machine.libraries is None:
        return ()
    folders: dict[str, list[str]] = {}
    for name in row.libraries:
        if name in machine.unlinked and name not in machine.libraries:
            folders.setdefault(machine.unlinked[name], []).append(name)
    return tuple(
        f"first have the dynamic linker find {' and '.join(names)}: {link_folder(folder)}"
        for folder, names in folders.items()
    )


def link_folder(folder: str) -> str:
    """Say how the dynamic linker is made to look into a folder."""
    return (
        f"echo {folder} | sudo tee -a /etc/ld.so.conf.d/rocm.conf && sudo ldconfig; or, in each shell, "
        f"export LD_LIBRARY_PATH={folder}"
    )
