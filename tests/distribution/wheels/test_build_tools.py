"""The tools that a wheel is built with: pyproject.toml names them, and the environment knows their versions."""

from __future__ import annotations

from importlib import metadata

import pytest

from doctored_wheels import TARGET
from wheels import build_tools
from wheels.compiled_in import PartsError


def project(*requires):
    return {"build-system": {"requires": [*requires]}, "dependency-groups": {"build": ["ninja>=1.11"]}}


def test_they_are_those_of_pyproject():
    assert {"cmake", "cython", "ninja", "scikit-build-core"} <= set(build_tools.names(TARGET.project))


def test_their_versions_are_those_that_are_installed():
    found = build_tools.versions(project("Pip>=23", "pip"))
    assert found == {name: metadata.version(name) for name in ("ninja", "pip")}


def test_one_that_is_not_there_is_told():
    with pytest.raises(PartsError, match="there is no no-such-tool here: this runs in the environment that built"):
        build_tools.versions(project("no-such-tool>=1"))
