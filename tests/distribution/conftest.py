"""The wheel under test, as the build of a row would finish it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from doctored_wheels import TARGET, is_generic, parts_of, release_of
from wheels import finished_wheel


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel under test, finished as cpu-generic's."""
    wheel = os.environ.get("XLLAMACPP_WHEEL")
    if wheel is None:
        pytest.skip("XLLAMACPP_WHEEL names no wheel (`nox -s tests` sets it)")
    if not is_generic(Path(wheel)):
        pytest.skip(f"{wheel} is not built as {TARGET.row.name} is")
    copy = Path(shutil.copy(wheel, tmp_path_factory.mktemp("finished")))
    return finished_wheel.finish(copy, release_of(TARGET), parts_of(copy))
