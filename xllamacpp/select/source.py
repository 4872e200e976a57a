"""Where the facts of a machine come from: its files, the programs on it, and the Python that asks."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
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
    """

    system: str
    architecture: str
    libc: str
    version: str
    implementation: str
    is_free_threaded: bool


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
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL) if is_posix else process.kill()
        # Not for ever: what hangs in a driver cannot even be killed.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()
        return Answer(failure=f"{name} did not answer within {patience_s:g} s")
    if process.returncode:
        lines = [line.strip() for line in f"{output}\n{errors}".splitlines() if line.strip()]
        said = lines[0].rstrip(".") if lines else f"it ended with {process.returncode}"
        return Answer(output, f"{name} failed: {said}")
    return Answer(output)


def ask_interpreter() -> Interpreter:
    """Return what the running Python knows."""
    architecture = platform.machine().lower()
    return Interpreter(
        system=platform.system(),
        architecture=_ARCHITECTURES.get(architecture, architecture),
        libc=_ask_libc(),
        version=platform.python_version(),
        implementation=platform.python_implementation(),
        is_free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    )


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
