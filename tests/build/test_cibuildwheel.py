"""cibuildwheel's configuration: it selects our platforms and no other, and says nothing that another file says else."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

import matrix

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
CONFIGURATION = PROJECT["tool"]["cibuildwheel"]
RESOURCES = resources.files("cibuildwheel") / "resources"

IDENTIFIERS = {
    "linux": {"cp311-manylinux_x86_64", "cp311-manylinux_aarch64"},
    "macos": {"cp311-macosx_arm64", "cp311-macosx_x86_64"},
    "windows": {"cp311-win_amd64"},
}


def core_row():
    """The row that has the core alone, as these wheels have."""
    loaded = matrix.load(CHECKOUT)
    return loaded.row(loaded.latest)


@pytest.mark.parametrize("platform", IDENTIFIERS)
def test_it_selects_our_platforms_and_no_other(platform):
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", platform, "--archs=all"]
    result = subprocess.run([*command, str(CHECKOUT)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) == IDENTIFIERS[platform]


def test_it_is_what_cibuildwheel_understands():
    schema = json.loads((RESOURCES / "cibuildwheel.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(CONFIGURATION, schema)


def test_its_python_is_the_oldest_that_we_serve():
    floor = re.fullmatch(r">=3\.(\d+)", PROJECT["project"]["requires-python"])[1]
    assert {identifier.partition("-")[0] for identifier in CONFIGURATION["build"]} == {f"cp3{floor}"}
    assert PROJECT["tool"]["scikit-build"]["wheel"]["py-api"] == f"cp3{floor}"


def test_the_core_is_the_matrix_s():
    options = {f"cmake.define.{name}": value for name, value in core_row().cmake.core.items()}
    assert CONFIGURATION["config-settings"] == options


def test_the_images_are_some_that_cibuildwheel_pins():
    pinned = configparser.ConfigParser()
    pinned.read_string((RESOURCES / "pinned_docker_images.cfg").read_text(encoding="utf-8"))
    for architecture in ("x86_64", "aarch64"):
        assert CONFIGURATION["linux"][f"manylinux-{architecture}-image"] in pinned[architecture]


def test_what_windows_finds_by_itself_are_all_of_our_libraries():
    lists = (CHECKOUT / "native" / "cmake" / "llama_cpp.cmake").read_text(encoding="utf-8")
    libraries = re.search(r"^set\(XLLAMACPP_LIBRARIES (.+)\)$", lists, re.MULTILINE)[1].split()
    (command,) = CONFIGURATION["windows"]["repair-wheel-command"]
    words = shlex.split(command)
    assert words[words.index("--exclude") + 1].split(";") == [f"{library}-xlc.dll" for library in libraries]
