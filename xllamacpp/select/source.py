"""Where the facts of a machine come from: its files, the programs on it, and the Python that asks."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .files import Files
from .nodes import open_and_close
from .resources import read_resource

_PATIENCE_S = 10.0

_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Answer:
    """What a program said.

    Parameters
    ----------
    output : str
        Its standard output.
    failure : str
        Why there is no answer, in words; empty where there is one.
    is_missing : bool
        Whether there is no such program.
    """

    output: str = ""
    failure: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class Interpreter:
    """What the running Python knows of itself and of the machine.

    Parameters
    ----------
    system : str
        "Linux", "Darwin" or "Windows".
    architecture : str
        The processor's, as Linux calls it: "x86_64", "aarch64".
    libc : str
        The C library that it runs on: "glibc 2.36", "musl", or empty where that is not known.
    version : str
        Its own version, as "3.12.1".
    implementation : str
        "CPython", "PyPy".
    is_free_threaded : bool
        Whether it is built without the global lock.
    command : str
        What starts it, as short as this shell allows: "python3", or its path.
    is_venv : bool
        Whether it is an environment's.
    is_externally_managed : bool
        Whether the system keeps pip from installing for it (PEP 668).
    has_pip, has_ensurepip : bool
        Whether it has pip, and what environments get theirs from.
    has_uv : bool
        Whether uv is found.
    """

    system: str
    architecture: str
    libc: str
    version: str
    implementation: str
    is_free_threaded: bool
    command: str = "python3"
    is_venv: bool = False
    is_externally_managed: bool = False
    has_pip: bool = True
    has_ensurepip: bool = True
    has_uv: bool = False


def run_command(command: Sequence[str], patience_s: float = _PATIENCE_S) -> Answer:
    """Run a program to its end, or for as long as patience lasts.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    patience_s : float, optional
        How many seconds it may take.

    Returns
    -------
    Answer
        That it cannot be started, fails or does not end is an answer too.
    """
    name = os.path.basename(command[0])  # noqa: PTH119  the program may be named without a folder
    is_posix = os.name == "posix"
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=is_posix,
        )
    except FileNotFoundError:
        return Answer(failure=f"{name} is not here", is_missing=True)
    except OSError as error:
        return Answer(failure=f"{name} cannot be started: {error.strerror}")
    try:
        output, errors = process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        # Not for ever: what hangs in a driver cannot even be killed.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        return Answer(failure=f"{name} did not answer within {patience_s:g} s")
    except BaseException:
        # Ctrl-C, which does not reach what has a session of its own.
        _kill(process)
        raise
    if process.returncode:
        lines = [line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()]
        said = lines[0].rstrip(".") if lines else f"it ended with {process.returncode}"
        return Answer(output, f"{name} failed: {said}")
    return Answer(output)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()


def ask_interpreter() -> Interpreter:
    """Return what the running Python knows."""
    architecture = platform.machine().lower()
    is_venv = sys.prefix != sys.base_prefix
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")  # noqa: PTH118
    return Interpreter(
        system=platform.system(),
        architecture=_ARCHITECTURES.get(architecture, architecture),
        libc=_ask_libc(),
        version=platform.python_version(),
        implementation=platform.python_implementation(),
        is_free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        command=_called(),
        is_venv=is_venv,
        is_externally_managed=not is_venv and os.path.exists(marker),  # noqa: PTH110
        has_pip=_has_module("pip"),
        has_ensurepip=_has_module("ensurepip"),
        has_uv=bool(shutil.which("uv")),
    )


def _called() -> str:
    path = sys.executable or "python3"
    # By their names alone, and not by what they are links to: an environment's is a link to the system's.
    names = ("python", "python3", os.path.basename(path))  # noqa: PTH119
    return next((name for name in names if shutil.which(name) == path), shlex.quote(path))


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _ask_libc() -> str:
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        name = None
    return name or ("musl" if Files().find("/lib/ld-musl-*.so.1") else "")


def ask_cuda_version() -> int:
    """Return the CUDA version of NVIDIA's driver, as 12040 for 12.4; 0 where there is none.

    It touches no GPU, and so does not hang where one does.
    """
    version = ctypes.c_int()
    try:
        library = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        failed = library.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return 0
    return 0 if failed else version.value


@dataclass(frozen=True)
class Source(Files):
    """A machine to be read: this one, or a recorded one.

    Parameters
    ----------
    root, environment : optional
        As :class:`Files` takes them.
    run : callable, optional
        :func:`run_command`.
    interpreter : Interpreter, optional
        What :func:`ask_interpreter` returns.
    cuda_version : callable, optional
        :func:`ask_cuda_version`.
    open_node : callable, optional
        :func:`open_and_close`.
    """

    run: Callable[[Sequence[str]], Answer] = run_command
    interpreter: Interpreter = field(default_factory=ask_interpreter)
    cuda_version: Callable[[], int] = ask_cuda_version
    open_node: Callable[[Path], None] = open_and_close

    def ask_driver(self, name: str, driver: str) -> Answer:
        """Run one of the programs beside this file in a process of its own: a driver may hang, or take it down.

        Parameters
        ----------
        name : str
            "cuda_devices" or "vulkan_devices".
        driver : str
            Who is asked, in words.
        """
        # As text, and not by its path: all this may be in one zip file.
        answer = self.run([sys.executable, "-I", "-c", read_resource(f"{name}.py"), name])
        return Answer(answer.output, answer.failure.replace(os.path.basename(sys.executable), driver))  # noqa: PTH119
