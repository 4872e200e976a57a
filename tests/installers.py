"""The installers that users have, each in an environment of its own and with no configuration but what is given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

OLDEST_PIP = "23.0.1" if sys.version_info < (3, 12) else "24.0"
"""str: what the oldest systems that the wheels are for have: Debian 12, and with a newer Python Ubuntu 24.04."""


class Environment:
    """A virtual environment, and the installer that works on it.

    Parameters
    ----------
    folder : Path
        Where it is made.
    pip : Path, optional
        The folder that pip was unpacked to. Default: uv is the installer.
    **variables : str
        More of the environment variables that it runs with.
    """

    def __init__(self, folder: Path, pip: Path | None = None, **variables: str) -> None:
        self.folder, self.pip, self.variables = folder, pip, variables
        venv.create(folder, symlinks=True)

    @property
    def name(self) -> str:
        """The installer: ``uv``, or ``pip`` with its version."""
        if self.pip is None:
            return "uv"
        (info,) = self.pip.glob("pip-*.dist-info")
        return info.name.removesuffix(".dist-info").replace("-", " ")

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    def run(self, *arguments: str | Path, fails: bool = False) -> str:
        """Run a command of the installer's; return what it said.

        Parameters
        ----------
        *arguments : str or Path
            ``install`` and so on.
        fails : bool, optional
            Whether it shall fail. Default: False.
        """
        given = list(map(str, arguments))
        if self.pip is None:
            command = [sys.executable, "-m", "uv", "pip", given[0], "--python", str(self.python), *given[1:]]
        else:
            command = [str(self.python), "-m", "pip", *given]
        done = subprocess.run(
            command, cwd=self.folder, env=self._variables(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert (done.returncode != 0) == fails, done.stdout
        # They wrap what they say.
        return re.sub(r"\s+", " ", done.stdout)

    def check(self, code: str) -> None:
        """Run Python code in it, which must not fail."""
        subprocess.run([self.python, "-I", "-c", code], cwd=self.folder, check=True)

    def _variables(self) -> dict[str, str]:
        foreign = re.compile(r"(PIP|UV|PYTHON|VIRTUAL_ENV|NV_VARIANT)|.*_proxy$", re.IGNORECASE)
        kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
        pip = {
            "PYTHONPATH": str(self.pip),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
        }
        uv = {"UV_NO_CONFIG": "1", "UV_CACHE_DIR": str(self.folder / "cache"), "UV_PYTHON_DOWNLOADS": "never"}
        return {**kept, "NO_COLOR": "1", "HOME": str(self.folder), **(pip if self.pip else uv), **self.variables}

    def installed(self) -> dict[str, str]:
        """Return what is installed, the versions by their names."""
        found = self.folder.glob("lib/python*/site-packages/*.dist-info")
        return dict(path.name.removesuffix(".dist-info").split("-", 1) for path in found)


def fetch_pip(folder: Path, version: str | None) -> Path:
    """Download pip by the environment's own configuration, the newest where no version is given; unpack it."""
    what = f"pip=={version}" if version else "pip"
    download = ("-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), what)
    subprocess.run([sys.executable, *download], check=True)
    (wheel,) = folder.glob("pip-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"
