"""compose.yaml and docker-bake.json: Docker's own programs read in them what matrix.yaml says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rendering import bake_file, facts

CHECKOUT = Path(__file__).resolve().parents[2]
FACTS = facts.load(CHECKOUT)
ROWS = FACTS.matrix.rows

pytestmark = pytest.mark.docker


@pytest.fixture
def docker(engine):
    """Run docker's command; return what it prints."""

    def run(*arguments):
        environment = {**os.environ, **engine.environment}
        command = ["docker", *arguments]
        result = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.parametrize("profile", [name for row in ROWS.values() for name in (row.name, row.alias) if name])
def test_a_profile_has_the_service_of_its_row(docker, profile):
    services = docker("compose", "--profile", profile, "config", "--services").split()
    assert services == [FACTS.matrix.row(profile).name]


def test_without_a_profile_nothing_is_started(docker):
    assert docker("compose", "config", "--services").split() == []


def test_every_image_can_be_baked(docker):
    printed = docker("buildx", "bake", f"--file={bake_file.PATH}", "--print", "published", "cpu-native")
    tags = {tag for target in json.loads(printed)["target"].values() for tag in target["tags"]}
    name = FACTS.matrix.name
    assert tags == {f"{name}:{tag}" for row in ROWS.values() for tag in FACTS.matrix.tags(row, FACTS.version)}
