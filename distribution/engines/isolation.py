"""Commands that leave no process, no mount and no control group behind, however they end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

# All of them come from util-linux, which every Debian has.
TOOLS = ("unshare", "setpriv", "mount")


def isolated(command: Sequence[str], *, ends_with_caller: bool) -> list[str]:
    """Give a command process and mount namespaces of its own.

    The command is the namespace's first process: when it ends, killed or not, the kernel ends every process that it
    started and takes its mounts away. Root alone can do this.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments. It is the one child of the process that the result starts.
    ends_with_caller : bool
        Whether it is killed when the thread that starts it ends.

    Returns
    -------
    list of str
        The command to run instead.
    """
    tie = ("setpriv", "--pdeathsig", "KILL", "--") if ends_with_caller else ()
    return [*tie, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *command]


def find_isolated(argument: str) -> int | None:
    """Find the process that started an isolated command.

    Parameters
    ----------
    argument : str
        An argument that no other command has, such as the path of a file of its own.

    Returns
    -------
    int or None
        The number of the process, as this process sees it; None where there is none.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # It becomes `unshare` in a moment where it is `setpriv` still.
        if arguments[0] in (b"unshare", b"setpriv") and os.fsencode(argument) in arguments:
            return int(folder.name)
    return None


def remove_control_groups(name: str, root: Path = Path("/sys/fs/cgroup")) -> None:
    """Remove a control group and those under it, in each hierarchy; one with processes stays.

    Parameters
    ----------
    name : str
        The group below a hierarchy's root.
    root : Path, optional
        Where the hierarchies are: version 2 is one at this folder itself, version 1 has a folder for each.
    """
    for top in (root / name, *root.glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
