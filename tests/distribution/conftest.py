"""The wheel under test, as the build of a row would finish it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from doctored_wheels import TARGET, is_generic, parts_of, release_of, target_here
from wheels import finished_wheel
from wheels.gates.gate import Target


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel under test, finished as cpu-generic's."""
    return _finish(tmp_path_factory.mktemp("finished"), TARGET)


@pytest.fixture(scope="session")
def finished_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the same with the platform tag of this machine: it passes the gates of :func:`target_here`."""
    return _finish(tmp_path_factory.mktemp("finished_here"), target_here())


def _finish(folder: Path, target: Target) -> Path:
    wheel = os.environ.get("XLLAMACPP_WHEEL")
    if wheel is None:
        pytest.skip("XLLAMACPP_WHEEL names no wheel (`nox -s tests` sets it)")
    if not is_generic(Path(wheel)):
        pytest.skip(f"{wheel} is not built as {target.row.name} is")
    copy = Path(shutil.copy(wheel, folder))
    return finished_wheel.finish(copy, release_of(target), parts_of(copy))
