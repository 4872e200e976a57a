"""The document's GPU switches: from the environment or as options, and what they say where a toolkit is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLKITS = (CHECKOUT / "native" / "cmake" / "gpu_toolkits.cmake").as_posix()
OPTIONS = (CHECKOUT / "native" / "cmake" / "options.cmake").as_posix()

# What each toolkit's absence looks like to CMake, on a machine that has the toolkit too.
HIDDEN = {
    "XLLAMACPP_BUILD_CUDA": "-DCMAKE_CUDA_COMPILER=NOTFOUND",
    "XLLAMACPP_BUILD_HIP": "-DCMAKE_HIP_COMPILER=NOTFOUND",
    "XLLAMACPP_BUILD_VULKAN": "-DCMAKE_DISABLE_FIND_PACKAGE_Vulkan=ON",
}

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")


@pytest.fixture
def configure(tmp_path):
    """Run the options and the check of toolkits in a project of their own; return its exit status and its output."""
    lists = tmp_path / "source" / "CMakeLists.txt"
    lists.parent.mkdir()
    lists.write_text(
        "cmake_minimum_required(VERSION 3.26)\nproject(switches LANGUAGES CXX)\n"
        f'include("{OPTIONS}")\ninclude("{TOOLKITS}")\n'
        'message(STATUS "switches=${XLLAMACPP_BUILD_CUDA} ${XLLAMACPP_BUILD_HIP} ${XLLAMACPP_BUILD_VULKAN}")\n'
    )

    def run(*arguments, **environment):
        command = ["cmake", "-G", "Ninja", "-S", lists.parent, "-B", tmp_path / "build", *arguments]
        inherited = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        result = subprocess.run(command, env={**inherited, **environment}, capture_output=True, text=True, timeout=120)
        return result.returncode, " ".join((result.stdout + result.stderr).split())

    return run


def test_without_a_switch_nothing_is_looked_for(configure):
    status, output = configure(*HIDDEN.values())
    assert status == 0, output
    assert "switches=OFF OFF OFF" in output


@pytest.mark.parametrize("switch", HIDDEN)
@pytest.mark.parametrize("as_option", [False, True], ids=["environment", "option"])
def test_a_missing_toolkit_is_named_with_what_to_install(configure, switch, as_option):
    given = ([f"-D{switch}=ON"], {}) if as_option else ([], {switch: "1"})
    status, output = configure(HIDDEN[switch], *given[0], **given[1])
    assert status != 0
    assert f"{switch} is on, but" in output
    assert "Install" in output
    assert f"Without {switch} the build is for the CPU alone." in output


def test_vulkan_headers_that_are_too_old_are_named_with_their_version(configure, tmp_path):
    core = tmp_path / "include" / "vulkan" / "vulkan_core.h"
    core.parent.mkdir(parents=True)
    core.write_text(
        "#define VK_HEADER_VERSION 239\n"
        "#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION(0, 1, 3, VK_HEADER_VERSION)\n"
    )
    (core.parent / "vulkan.h").touch()
    found = {"Vulkan_INCLUDE_DIR": tmp_path / "include", "Vulkan_LIBRARY": core, "Vulkan_GLSLC_EXECUTABLE": core}
    status, output = configure(*(f"-D{name}={path}" for name, path in found.items()), XLLAMACPP_BUILD_VULKAN="1")
    assert status != 0
    assert "VK_EXT_layer_settings" in output
    assert "1.3.239: too old" in output


@pytest.mark.parametrize("value", ["0", "OFF", "", "no"])
def test_a_switch_can_be_off(configure, value):
    status, output = configure(HIDDEN["XLLAMACPP_BUILD_CUDA"], XLLAMACPP_BUILD_CUDA=value)
    assert status == 0, output
    assert "switches=OFF OFF OFF" in output


def test_a_folder_of_modules_without_a_module_is_refused(configure, tmp_path):
    (tmp_path / "libother.so").touch()
    status, output = configure(*HIDDEN.values(), f"-DXLLAMACPP_MODULES_DIR={tmp_path}")
    assert status != 0
    assert "holds no backend module" in output
    assert "libggml-*.so" in output
