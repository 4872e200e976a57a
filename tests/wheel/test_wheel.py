"""The wheel file: what is in it, what it links to, what it costs to import."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import matrix
import xllamacpp as xlc
from wheels.gates import archive, libraries
from wheels.gates.gate import Target
from wheels.gates.wheel_file import WheelFile

CHECKOUT = Path(__file__).resolve().parents[2]
WHEEL = os.environ.get("XLLAMACPP_WHEEL")
# What a wheel for this machine has to pass too. The others are about what only the build of a row knows.
GATES = (archive.CONTENTS, archive.RECORD, archive.SIZE, *libraries.GATES)

pytestmark = pytest.mark.skipif(
    WHEEL is None or sys.platform != "linux",
    reason="these look into a Linux wheel: XLLAMACPP_WHEEL names the file (`nox -s tests` sets it)",
)


@pytest.fixture(scope="module")
def wheel():
    with zipfile.ZipFile(WHEEL) as archive:
        yield archive


@pytest.fixture(scope="module")
def names(wheel):
    return wheel.namelist()


@pytest.fixture(scope="module")
def target():
    """The first row that is built as this wheel was: its limits are the wheel's."""
    is_native = len([name for name in xlc.BUILD_INFO["modules"] if name.startswith("cpu")]) == 1
    rows = matrix.load(CHECKOUT).rows.values()
    backend = xlc.BUILD_INFO["backends"][-1]
    alike = (row for row in rows if row.backend == backend)
    cpu = "native" if is_native else "all"
    return Target(next(row for row in alike if row.cmake.core["XLLAMACPP_CPU"] == cpu), CHECKOUT)


def test_the_tests_run_on_the_installed_wheel(wheel):
    assert CHECKOUT / "xllamacpp" not in Path(xlc.__file__).resolve().parents
    installed = Path(xlc._build_info._core.__file__).with_name("build_info.json").read_bytes()
    assert wheel.read("xllamacpp/_native/build_info.json") == installed


def test_the_tiles_of_amx_get_their_shape(wheel, names):
    module = "xllamacpp/lib/libggml-cpu-sapphirerapids.so"
    if module not in names:
        pytest.skip("this build has no module with AMX")
    # The rows of the eight tiles, as ggml's mmq.cpp gives them: where the compiler leaves them out
    # (src/system/amx_tiles.h), the module ends the process on every processor that has AMX, and on no other.
    assert bytes([8, 8, 16, 16, 16, 16, 16, 16]) in wheel.read(module)


def test_one_wheel_serves_every_python_from_3_11():
    assert re.fullmatch(rf"xllamacpp-{re.escape(xlc.__version__)}-cp311-abi3-\w+\.whl", Path(WHEEL).name)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the names are those of x86-64 processors")
def test_the_cpu_modules_reach_from_the_oldest_to_the_newest():
    cpu = [name for name in xlc.BUILD_INFO["modules"] if name.startswith("cpu-")]
    assert {"cpu-x64", "cpu-sse42", "cpu-haswell", "cpu-skylakex", "cpu-zen4", "cpu-sapphirerapids"} <= set(cpu)
    assert len(cpu) >= 14


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the matrix names x86-64's libraries")
@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_it_passes_the_gate(gate, target):
    with WheelFile(Path(WHEEL)) as wheel:
        assert wheel.libraries
        assert not gate.check(wheel, target), gate.why


def test_types_come_along(names):
    assert {"xllamacpp/py.typed", "xllamacpp/_native/_core.pyi"} <= set(names)


def test_licences_come_along(names):
    licences = {name.partition("/licenses/")[2] for name in names if ".dist-info/licenses/" in name}
    assert {"LICENSE", "llama.cpp/LICENSE", "cpp-httplib/LICENSE"} <= licences
    assert ("llguidance/LICENSE" in licences) == bool(xlc.BUILD_INFO["llguidance"])


# Seconds differ from run to run and from machine to machine; what the time goes into does not.
COST = """
import json, sys

def mapped():
    spans = (line.split() for line in open("/proc/self/maps"))
    ends = (span[0].split("-") for span in spans if ".so" in span[-1])
    return sum(int(end, 16) - int(start, 16) for start, end in ends)

def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")

calls, modules, libraries = 0, set(sys.modules), mapped()
sys.setprofile(count)
import PACKAGE
sys.setprofile(None)
print(json.dumps({"calls": calls, "modules": len(set(sys.modules) - modules), "libraries": mapped() - libraries}))
"""


def import_cost(package):
    command = [sys.executable, "-c", COST.replace("PACKAGE", package)]
    # Twice: the first run may have to write the bytecode.
    _, output = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    return json.loads(output)


def test_import_costs_no_more_than_numpys():
    ours, numpys = import_cost("xllamacpp"), import_cost("numpy")
    print(f"import xllamacpp: {ours}; import numpy: {numpys}")
    for kind in ours:
        assert ours[kind] <= numpys[kind], kind


def test_import_leaves_the_command_line_and_the_network_alone():
    code = "import sys, xllamacpp; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "click", "http.client", "numpy", "requests", "rich", "socket", "subprocess"} & set(loaded)
