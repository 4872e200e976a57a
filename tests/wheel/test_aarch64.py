"""The wheel for 64-bit ARM on emulated processors: each takes the module that suits it, and answers as ours does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from wheels import cross_build
from wheels.gates import archive, audits, libraries
from wheels.gates.gate import Target
from wheels.gates.wheel_file import WheelFile

CHECKOUT = Path(__file__).resolve().parents[2]
WHEEL = os.environ.get("XLLAMACPP_AARCH64_WHEEL")
ROOT = Path(os.environ.get("XLLAMACPP_AARCH64_ROOT", "/"))
MODULES = [f"cpu-armv{name}" for name in ("8.0_1", "8.2_1", "8.2_2", "8.2_3", "8.6_1", "8.6_2", "9.2_1", "9.2_2")]
GATES = (archive.CONTENTS, archive.RECORD, archive.SIZE, *libraries.GATES, audits.STABLE_ABI)

pytestmark = pytest.mark.skipif(
    WHEEL is None, reason="XLLAMACPP_AARCH64_WHEEL names no wheel (`nox -s aarch64` builds one and sets it)"
)

# In a row of letters no token is near a second one: other tokens would not come of another order of sums.
PROGRAM = """
import json, platform, sys
import xllamacpp as xlc
from xllamacpp.devices import get_backend_modules

params = xlc.CommonParams(n_ctx=128, n_parallel=1, warmup=False)
params.model.path = sys.argv[1]
params.cpuparams.n_threads = 1
request = {"prompt": "A, B, C, D,", "n_predict": 10, "temperature": 0, "n_probs": 1}
with xlc.Server(params) as server:
    answer = server.request("POST", "/completion", request)
print(json.dumps({
    "machine": platform.machine(),
    "loaded": [module["name"] for module in get_backend_modules() if module["loaded"]],
    "text": answer["content"],
    "logprobs": [token["logprob"] for token in answer["completion_probabilities"]],
}))
"""


@pytest.fixture(scope="module")
def wheel():
    with WheelFile(Path(WHEEL)) as wheel:
        yield wheel


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The wheel and what it depends on, installed for the Python of the ARM Debian."""
    folder = tmp_path_factory.mktemp("packages")
    (headers,) = ROOT.glob("usr/include/python3.*")
    version = headers.name.removeprefix("python")
    target = ("--python-platform", cross_build.TARGET, "--python-version", version, "--only-binary", ":all:")
    install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", folder, *target, WHEEL)
    subprocess.run(install, check=True)
    return folder


@pytest.fixture
def python(packages):
    """Run that Python on an emulated processor; return what it prints."""

    def run(cpu, *arguments, **variables):
        # It is looked up in the emulated root: this machine's own libraries are of no use there.
        command = ["qemu-aarch64", "-L", ROOT, ROOT / "usr" / "bin" / "python3", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(packages), "QEMU_CPU": cpu, **variables}
        result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=500)
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    return run


@pytest.fixture(scope="module")
def here(demo_model):
    """What the wheel of this machine says."""
    command = [sys.executable, "-c", PROGRAM, demo_model]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_it_is_for_arm_and_every_python_from_3_11(wheel):
    assert wheel.path.name.endswith("-cp311-abi3-linux_aarch64.whl")
    assert "\nTag: cp311-abi3-linux_aarch64\n" in wheel.read(f"{wheel.dist_info}/WHEEL").decode()


def test_all_machine_code_is_for_arm(wheel):
    contents = {name: wheel.read(name) for name in wheel.names}
    machines = {
        name: ELFFile(io.BytesIO(content))["e_machine"]
        for name, content in contents.items()
        if content.startswith(b"\x7fELF")
    }
    # The modules, five libraries, and the extension.
    assert len(machines) == len(MODULES) + 6
    assert set(machines.values()) == {"EM_AARCH64"}, machines


def test_it_holds_every_module_of_ggmls(wheel):
    assert wheel.build_info["modules"] == MODULES
    assert {f"xllamacpp/lib/libggml-{name}.so" for name in MODULES} <= wheel.libraries.keys()


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_it_passes_the_gate(gate, wheel):
    assert not gate.check(wheel, Target.of(CHECKOUT, "cpu-generic")), gate.why


def test_it_says_what_it_was_built_for(python):
    report = json.loads(python("cortex-a53", "-m", "xllamacpp", "info", "--json"))
    assert report["build"]["build_target"] == "Linux aarch64"
    assert report["build"]["llguidance"]
    assert report["build"]["openssl"].startswith("3.")
    assert [module["name"] for module in report["backend_modules"]] == MODULES


# An instruction that the emulated processor lacks kills the process: that it ends well is the proof.
@pytest.mark.parametrize(
    ("cpu", "module"),
    [
        ("cortex-a53", "cpu-armv8.0_1"),
        ("neoverse-n1", "cpu-armv8.2_2"),
        ("max,sme=off", "cpu-armv8.6_2"),
        ("max", "cpu-armv9.2_2"),
    ],
)
def test_a_processor_gets_the_module_that_suits_it(cpu, module, python, demo_model):
    answer = json.loads(python(cpu, "-c", PROGRAM, demo_model))
    assert answer["machine"] == "aarch64"
    assert answer["loaded"] == [module]
    assert answer["text"] == " E, F, G, H, I,"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_goes_on_as_this_machines_does(module, python, here, demo_model):
    answer = json.loads(python("max", "-c", PROGRAM, demo_model, XLLAMACPP_CPU_MODULE=module))
    assert answer["loaded"] == [module]
    assert answer["text"] == here["text"]
    assert answer["logprobs"] == pytest.approx(here["logprobs"], abs=0.3)
