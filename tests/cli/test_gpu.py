"""What commands that load a model say and do where the build's GPU cannot be used."""

from __future__ import annotations

import json
import signal
import urllib.request
from types import SimpleNamespace

import pytest

import xllamacpp as xlc
from gpu_build import DRIVER, MISSING, make_gpu_build
from xllamacpp.cli import gpu
from xllamacpp.gpu_access import Finding, GpuAccess
from xllamacpp.select.installer import installer_here
from xllamacpp.select.source import ask_interpreter

SMALL = ["--ctx-size", "512", "--parallel", "1", "--port", "0"]
INSTALL = installer_here(ask_interpreter()).command
REQUIRED = {"XLLAMACPP_REQUIRE_GPU": "1"}
CPU_BUILD = GpuAccess((), (), (), ())
LACKING = GpuAccess(("hip",), (), (), (Finding("there is no /dev/kfd", "start it with --device /dev/kfd"),))
WITH_GPU = GpuAccess(("cuda",), ("CUDA0",), (), ())


@pytest.fixture(scope="module")
def gpu_build(tmp_path_factory):
    return make_gpu_build(tmp_path_factory.mktemp("gpu_build"))


@pytest.fixture
def check(monkeypatch, capsys):
    """Check the GPUs of a made-up machine for some parameters; return what is said on standard error."""

    def check(access, params=None, required=""):
        monkeypatch.setattr(gpu, "get_gpu_access", lambda: access)
        monkeypatch.setenv("XLLAMACPP_REQUIRE_GPU", required)
        gpu.check_gpu(params or xlc.CommonParams())
        return capsys.readouterr().err

    return check


def test_a_gpu_build_without_its_driver_says_so_and_serves_on_the_cpu(start, demo_model, gpu_build):
    process = start("serve", "--model", demo_model, *SMALL, environment=gpu_build)
    address = process.stdout.readline().split()[-1]
    body = json.dumps({"prompt": "Once", "max_tokens": 4}).encode()
    with urllib.request.urlopen(f"{address}/v1/completions", body, timeout=300) as answer:
        assert json.load(answer)["usage"]["completion_tokens"] == 4
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert errors.count("Warning: ") == 1
    assert "no GPU can be used, going on with the CPU (XLLAMACPP_REQUIRE_GPU=1 makes this an error)" in errors
    assert f"{MISSING}, a part of CUDA 9, is missing: take the image" in errors


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (
            MISSING,
            f'CUDA 9, is missing: {INSTALL} --index-url SITE/whl/cu124/ "xllamacpp[cuda]" (SITE/ stands for',
        ),
        (DRIVER, DRIVER),
    ],
)
def test_a_wheel_without_its_toolkit_or_its_driver_answers_on_the_cpu_and_says_which(
    run, demo_model, tmp_path, missing, words
):
    build = make_gpu_build(tmp_path, row="cuda-12.4", missing=missing)
    done = run("complete", "--model", demo_model, "-n", "4", "Once", environment=build)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "no GPU can be used, going on with the CPU" in done.stderr
    assert words in done.stderr
    # Which of the two is in the way is not left to the reader.
    assert ("xllamacpp[cuda]" in done.stderr) == (missing == MISSING)


@pytest.mark.parametrize("command", [["serve", *SMALL], ["chat", "Hello"], ["complete", "Once"], ["bench"]])
def test_where_a_gpu_is_required_its_lack_is_an_error_before_anything_is_loaded(run, gpu_build, command):
    # A model that is not there: the GPU is looked for first.
    done = run(command[0], "--model", "missing.gguf", *command[1:], environment={**gpu_build, **REQUIRED})
    assert (done.returncode, done.stdout) == (xlc.DeviceError.exit_code, "")
    assert done.stderr.startswith("Error: XLLAMACPP_REQUIRE_GPU is set, and no GPU can be used.")
    assert MISSING in done.stderr
    assert "missing.gguf" not in done.stderr


def test_a_required_gpu_and_a_build_for_the_cpu_do_not_go_together(check):
    with pytest.raises(xlc.DeviceError, match="this build is for the CPU only: take the image or the wheel"):
        check(CPU_BUILD, required="1")


def test_a_required_gpu_that_is_there_is_all_that_is_asked_for(check):
    assert check(WITH_GPU, required="yes") == ""


@pytest.mark.parametrize("value", ["0", "no", "false", ""])
def test_a_gpu_need_not_be_required(check, value):
    assert check(LACKING, required=value).startswith("Warning: ")


def test_a_wrong_value_is_said(check):
    with pytest.raises(xlc.ParameterError, match="XLLAMACPP_REQUIRE_GPU is 'maybe': expected 1 or 0"):
        check(LACKING, required="maybe")


@pytest.mark.parametrize("fields", [{"n_gpu_layers": 0}, {"devices": ["none"]}])
def test_nothing_is_said_where_the_cpu_is_what_was_asked_for(check, fields):
    assert check(LACKING, xlc.CommonParams(**fields)) == ""
    with pytest.raises(xlc.DeviceError):
        check(LACKING, xlc.CommonParams(**fields), required="1")


def test_layers_for_a_gpu_are_missed_by_a_build_for_the_cpu(check):
    assert check(CPU_BUILD) == ""
    assert "this build is for the CPU only" in check(CPU_BUILD, xlc.CommonParams(n_gpu_layers=20))


def test_a_gpu_that_llama_cpp_would_abort_on_is_kept_out(check):
    access = GpuAccess(("hip",), (), ("ROCm0",), (Finding("ROCm0 is a gfx1035", "HSA_OVERRIDE_GFX_VERSION=10.3.0"),))
    params = xlc.CommonParams()
    assert "HSA_OVERRIDE_GFX_VERSION=10.3.0" in check(access, params)
    assert list(params.devices) == ["none"]


def test_another_gpu_is_gone_on_with(check):
    access = GpuAccess(("hip",), ("ROCm1",), ("ROCm0",), (Finding("ROCm0 is a gfx1035", "take another build"),))
    # The real parameters take no device that is not there.
    params = SimpleNamespace(devices=[], n_gpu_layers=-1)
    assert "going on with ROCm1" in check(access, params)
    assert params.devices == ["ROCm1"]
