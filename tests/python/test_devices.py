"""Devices, backend modules, build information."""

from __future__ import annotations

import os
import subprocess
import sys

import xllamacpp as xlc
from xllamacpp import devices


def test_device_info_has_the_cpu_with_its_memory():
    found = xlc.get_device_info()
    cpu = next(device for device in found if device["type"] == xlc.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU)
    assert cpu["name"] == "CPU"
    assert cpu["description"]
    assert 0 < cpu["memory_free"] <= cpu["memory_total"]
    assert cpu["memory_total"] >= 2**30
    assert set(cpu["caps"]) == {"async", "host_buffer", "buffer_from_host_ptr", "events"}


def test_system_info_names_cpu_features():
    assert xlc.get_system_info().startswith("CPU : ")
    assert "SSE3 = 1" in xlc.get_system_info() or "NEON = 1" in xlc.get_system_info()


def test_exactly_one_cpu_module_is_loaded_and_it_is_the_best():
    modules = [module for module in devices.get_backend_modules() if module["kind"] == "cpu"]
    assert [module["name"] for module in modules] == xlc.BUILD_INFO["modules"]
    loaded = [module for module in modules if module["loaded"]]
    assert len(loaded) == 1
    assert loaded[0]["score"] == max(module["score"] for module in modules)
    assert all(module["reason"] for module in modules)


def in_new_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


def test_environment_chooses_another_cpu_module():
    modules = {module["name"] for module in devices.get_backend_modules() if module["score"]}
    code = "from xllamacpp import devices; print([m['name'] for m in devices.get_backend_modules() if m['loaded']][0])"
    for name in sorted(modules)[:2]:
        result = in_new_process(code, XLLAMACPP_CPU_MODULE=name.removeprefix("cpu-"))
        assert result.stdout.split() == [name], result.stderr


def test_unknown_cpu_module_is_an_error_that_lists_them():
    code = "import xllamacpp as xlc\ntry: xlc.get_device_info()\nexcept xlc.Error as e: print(e)"
    result = in_new_process(code, XLLAMACPP_CPU_MODULE="nonsense")
    assert "nonsense" in result.stdout
    assert xlc.BUILD_INFO["modules"][0] in result.stdout


def test_build_info_says_what_is_inside():
    assert set(xlc.BUILD_INFO) == {
        "version",
        "llama_cpp_version",
        "llama_cpp_commit",
        "llama_cpp_source",
        "build_type",
        "build_target",
        "compiler",
        "flags",
        "options",
        "backends",
        "modules",
        "llguidance",
        "openssl",
        "row",
        "revision",
    }
    assert xlc.__version__ == xlc.BUILD_INFO["version"]
    assert "cpu" in xlc.BUILD_INFO["backends"]
    assert "unknown" not in xlc.BUILD_INFO.values()
