"""``xllamacpp doctor`` where there is a GPU that can be used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.gpu


def test_it_names_the_gpu_and_finds_nothing_in_its_way(gpu, demo_model):
    command = [sys.executable, "-P", "-m", "xllamacpp", "doctor", "--json", "--model", str(demo_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)["sections"]["gpu"]
    assert {observation["mark"] for observation in seen} == {"ok"}, seen
    assert any(gpu["description"] in observation["text"] for observation in seen), seen
