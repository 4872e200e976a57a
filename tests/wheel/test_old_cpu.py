"""The same package on a CPU of 2008, by emulation: it takes the module that suits that CPU, and answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from xllamacpp.devices import get_backend_modules

QEMU = shutil.which("qemu-x86_64")
TOKENS = 3

# An instruction that the emulated CPU lacks kills the process: that it ends well is the proof.
PROGRAM = f"""
import sys
import xllamacpp as xlc
from xllamacpp.devices import get_backend_modules

params = xlc.CommonParams(n_ctx=128, n_parallel=1, warmup=False)
params.model.path = sys.argv[1]
params.cpuparams.n_threads = 1
with xlc.Server(params) as server:
    answer = server.request(
        "POST", "/completion", {{"prompt": "Once upon a", "n_predict": {TOKENS}, "temperature": 0, "ignore_eos": True}}
    )
print(*(module["name"] for module in get_backend_modules() if module["loaded"]))
print(answer["tokens_predicted"], answer["content"])
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="it emulates x86-64 processors on one")
@pytest.mark.skipif(QEMU is None, reason="qemu-x86_64 is not installed (Debian: apt-get install qemu-user)")
@pytest.mark.parametrize(("cpu", "module"), [("Nehalem", "cpu-sse42")])
def test_it_answers_on_an_old_cpu(cpu, module, demo_model):
    environment = {**os.environ, "QEMU_CPU": cpu}
    result = subprocess.run(
        [QEMU, sys.executable, "-c", PROGRAM, demo_model], capture_output=True, text=True, env=environment, timeout=500
    )
    assert result.returncode == 0, result.stderr[-3000:]
    loaded, answer = result.stdout.split("\n", 1)
    assert loaded == module
    assert answer.startswith(f"{TOKENS} ")
    assert answer.removeprefix(f"{TOKENS} ").strip()


def test_on_this_machine_the_best_module_is_loaded():
    modules = [module for module in get_backend_modules() if module["kind"] == "cpu"]
    (loaded,) = (module for module in modules if module["loaded"])
    assert loaded["score"] == max(module["score"] for module in modules) > 0
