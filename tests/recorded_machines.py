"""Machines of ``tests/select/machines`` as what the readers of ``xllamacpp.select`` look at."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from xllamacpp.select.source import Answer, Interpreter, Source, run_command

FOLDER = Path(__file__).parent / "select" / "machines"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

# What hangs is given up soon, and what answers is given far more than it takes.
_LITTLE_PATIENCE_S, _PATIENCE_S = 0.2, 60.0


def lay_out(name: str, folder: Path) -> Source:
    """Write a machine's files and programs into an empty folder, and return where to look for them.

    The programs are real ones, which say what is recorded, fail or hang, and are run by the package's own function.
    """
    document = YAML(typ="safe").load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    root, programs = folder / "root", folder / "programs"
    root.mkdir()
    files = dict(document.get("files", {}))
    if "cpuinfo" in document:
        files["proc/cpuinfo"] = (FOLDER / "cpuinfo" / f"{document['cpuinfo']}.txt").read_text(encoding="utf-8")
    for path, text in files.items():
        _write(root / path, text)
    commands = dict(document.get("commands", {}))
    if "libraries" in document:
        tag = {"aarch64": "AArch64"}.get(document["interpreter"]["architecture"], "x86-64")
        lines = (f"\t{library} (libc6,{tag}) => /usr/lib/{library}\n" for library in document["libraries"])
        commands["ldconfig"] = {"output": "".join(lines)}
    for command, said in commands.items():
        _write(_program(programs, command), _script(said))
        _program(programs, command).chmod(0o755)
    hanging = {command for command, said in commands.items() if said.get("hangs")}

    def run(command: Sequence[str]) -> Answer:
        # The programs that ask a driver are text, with their name at the end.
        called = command[-1] if command[0] == sys.executable else Path(command[0]).name
        patience_s = _LITTLE_PATIENCE_S if called in hanging else _PATIENCE_S
        return run_command([str(_program(programs, called)), *command[1:]], patience_s)

    refused = {root / name for name in document.get("refused", ())}

    def open_node(node: Path) -> None:
        if node in refused:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    known = {"implementation": "CPython", "is_free_threaded": False, **document["interpreter"]}
    return Source(
        root=root,
        environment=document.get("environment", {}),
        run=run,
        interpreter=Interpreter(**known),
        cuda_version=lambda: document.get("cuda_version", 0),
        open_node=open_node,
    )


def _program(folder: Path, command: str) -> Path:
    # Those are told by their Python's name, which the package replaces.
    return folder / command / Path(sys.executable).name if command.endswith("_devices") else folder / command


def _script(said: dict[str, Any]) -> str:
    if said.get("hangs"):
        return "#!/bin/sh\nexec sleep 600\n"
    if said.get("crashes"):
        return "#!/bin/sh\nkill -SEGV $$\n"
    output, errors = (shlex.quote(said.get(stream, "")) for stream in ("output", "errors"))
    return f"#!/bin/sh\nprintf %s {output}\nprintf %s {errors} >&2\nexit {said.get('status', 0)}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
