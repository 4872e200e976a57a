"""The wheel that is in a row's image: it passes the gates, and its GPU module has code for what it was built for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import checkout
from images import builds
from wheels.gates import archive, libraries, naming, parts
from wheels.gates.device_code import architectures
from wheels.gates.gate import Gate, Target
from wheels.gates.libraries import module_of
from wheels.gates.wheel_file import WheelFile

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
# Left to `nox -s wheel_check`: what a wheel made in stand-ins cannot pass, as they have newer C libraries and compile
# the module for one GPU.
GATES = (*naming.GATES, *archive.GATES, *libraries.GATES, parts.SBOM, parts.LICENCES)


@pytest.fixture(scope="module")
def wheel() -> Iterator[WheelFile]:
    with WheelFile(Path(os.environ["XLLAMACPP_WHEEL"])) as found:
        yield found


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_it_passes_the_gate(gate: Gate, row, wheel):
    assert len(wheel.libraries) > 5
    assert not gate.check(wheel, Target(row, ROOT)), gate.why


def test_it_tells_its_row_and_its_revision(row, wheel):
    assert wheel.build_info["row"] == row.name
    assert wheel.build_info["revision"] == checkout.revision(ROOT)


def test_the_module_has_code_for_the_gpus_that_it_was_built_for(engine, row, wheel):
    if not row.architectures:
        pytest.skip("the row has no device code: its drivers compile it")
    arguments = builds.arguments_of(engine, ROOT, row)
    if row.cuda:
        asked = set(re.findall(r"\d+a?-(?:real|virtual)", arguments["MODULE_CMAKE_OPTIONS"]))
    else:
        asked = set(arguments["GPU_TARGETS"].split())
    assert architectures(module_of(wheel, Target(row, ROOT))) == asked
