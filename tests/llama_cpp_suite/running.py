"""Runs the suite on a server."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from llama_cpp_suite.outcomes import Outcomes, read

# What its tests read of llama.cpp's tree.
_PARTS = ("tools/server/tests", "models/templates", "tools/mtmd/test-1.jpeg")

# Settings of this user's and of this session that would change what a server or the suite does.
_FOREIGN = ("LLAMA_", "XLLAMACPP_", "HF_", "HUGGINGFACE_", "MODEL", "PYTEST_", "PYTHON")
_SECONDS_PER_TEST = 300


class SuiteError(Exception):
    """The suite could not be run."""


class Suite:
    """The suite, in a folder of its own: it writes into its tree.

    Parameters
    ----------
    sdist : Path
        The source distribution that it comes out of.
    archive_folder : str
        llama.cpp's folder in there.
    server : sequence of str
        The command of a server.
    folder : Path
        Where to put it; it is made new.
    environment : dict of str
        What the tests and the server get beside this process's environment.
    """

    def __init__(
        self, sdist: Path, archive_folder: str, server: Sequence[str], folder: Path, environment: dict[str, str]
    ) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        _unpack(sdist, archive_folder, folder)
        self._folder = folder / "tools" / "server" / "tests"
        self._report = folder / "report.xml"
        # The tests expect the folder to be there once a model has been fetched.
        cache = self._folder / "tmp"
        cache.mkdir()
        program = folder / "server"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(server)} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        caches = {"LLAMA_CACHE": str(cache), "HF_HUB_CACHE": str(cache)}
        self._environment = {**own, **environment, **caches, "LLAMA_SERVER_BIN_PATH": str(program)}

    def run(self, *arguments: str) -> Outcomes:
        """Run its fast tests, or those that are named.

        Raises
        ------
        SuiteError
            pytest did not come to its end.
        """
        command = [sys.executable, "-m", "pytest", "-m", "not slow", "--tb=short", "-q", "-p", "no:cacheprovider"]
        options = [f"--timeout={_SECONDS_PER_TEST}", f"--junitxml={self._report}"]
        self._report.unlink(missing_ok=True)
        done = subprocess.run([*command, *options, *arguments], cwd=self._folder, env=self._environment)
        # 1: some tests failed. That is for the comparison to judge.
        if done.returncode not in (0, 1) or not self._report.exists():
            raise SuiteError(f"pytest ended with {done.returncode} and did not run the suite to its end")
        return read(self._report)


def _unpack(sdist: Path, archive_folder: str, folder: Path) -> None:
    root = f"{sdist.name.removesuffix('.tar.gz')}/{archive_folder}/"
    wanted = tuple(root + part for part in _PARTS)
    with tarfile.open(sdist) as archive:
        for member in archive:
            if member.isfile() and member.name.startswith(wanted):
                member.name = member.name.removeprefix(root)
                archive.extract(member, folder, filter="data")
    if missing := [part for part in _PARTS if not (folder / part).exists()]:
        raise SuiteError(f"{sdist} lacks {', '.join(missing)}")
