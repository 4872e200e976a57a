"""Empty environments for the installers that an index is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from installers import OLDEST_PIP, Environment, fetch_pip


@pytest.fixture(scope="session")
def pips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Download the oldest pip and the newest."""
    versions = {"oldest pip": OLDEST_PIP, "newest pip": None}
    return {name: fetch_pip(tmp_path_factory.mktemp("pip"), version) for name, version in versions.items()}


@pytest.fixture(params=["oldest pip", "newest pip", "uv"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Environment:
    """Give an empty environment for each installer."""
    if request.param == "uv":
        return Environment(tmp_path / "environment")
    return Environment(tmp_path / "environment", request.getfixturevalue("pips")[request.param])
