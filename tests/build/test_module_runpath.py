"""Where a CUDA module looks for CUDA's libraries: built by CMake as a row's is, and loaded from a site-packages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import matrix
from stub_libraries import CUBLAS, make_library, run_python

CHECKOUT = Path(__file__).resolve().parents[2]
ROW = matrix.load(CHECKOUT).rows["cuda-12.4"]
FOLDER = ROW.wheel.extra.packages["nvidia-cublas-cu12"].folder

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")


@pytest.fixture
def site_packages(tmp_path):
    """A site-packages with NVIDIA's package and ours: stubs that give 100 and add 1."""
    make_library(tmp_path / "site" / FOLDER / CUBLAS, 100)
    done = configure(tmp_path, f"-DXLLAMACPP_MODULE_LIBRARY_DIRS={';'.join(ROW.wheel.extra.folders)}")
    assert done.returncode == 0, done.stderr
    subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    return tmp_path / "site"


def configure(folder, *options):
    source = folder / "source"
    source.mkdir()
    (source / "module.c").write_text(
        "int number_of_need(void);\nint module_number(void) { return number_of_need() + 1; }\n"
    )
    cmake = CHECKOUT / "native" / "cmake"
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.26)\nproject(module LANGUAGES C)\n"
        'set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)\nset(XLLAMACPP_ORIGIN "$ORIGIN")\n'
        "add_library(ggml-cuda MODULE module.c)\n"
        f'target_link_libraries(ggml-cuda PRIVATE "{folder}/site/{FOLDER}/{CUBLAS}")\n'
        f'set_property(TARGET ggml-cuda PROPERTY LIBRARY_OUTPUT_DIRECTORY "{folder}/site/xllamacpp/lib")\n'
        f'include("{cmake}/module_runpath.cmake")\n'
    )
    command = ["cmake", "-G", "Ninja", "-S", source, "-B", folder / "build", *options]
    return subprocess.run(command, capture_output=True, text=True)


def number(site, **environment):
    """Return what the module gives, or the dynamic linker's words."""
    module = site / "xllamacpp" / "lib" / "libggml-cuda.so"
    code = f"""
import ctypes
try:
    print(ctypes.CDLL({str(module)!r}).module_number())
except OSError as error:
    print(error)
"""
    return run_python(code, **environment).strip()


def test_it_takes_nvidias_package_beside_ours_wherever_both_are(site_packages, tmp_path):
    assert number(site_packages) == "101"
    assert number(site_packages.rename(tmp_path / "dist-packages")) == "101"


def test_without_that_package_the_library_is_named(site_packages):
    shutil.rmtree(site_packages / FOLDER)
    assert number(site_packages).startswith(f"{CUBLAS}: cannot open shared object file")


def test_what_lies_beside_it_or_is_asked_for_comes_first(site_packages, tmp_path):
    make_library(site_packages / "xllamacpp" / "lib" / CUBLAS, 200)
    assert number(site_packages) == "201"
    make_library(tmp_path / "mine" / CUBLAS, 300)
    assert number(site_packages, LD_LIBRARY_PATH=str(tmp_path / "mine")) == "301"


@pytest.mark.parametrize("folder", ["/usr/local/cuda/lib64", "../nvidia/lib"])
def test_a_folder_of_one_machine_is_refused(tmp_path, folder):
    done = configure(tmp_path, f"-DXLLAMACPP_MODULE_LIBRARY_DIRS={folder}")
    assert done.returncode != 0
    assert f"XLLAMACPP_MODULE_LIBRARY_DIRS has '{folder}'" in done.stderr
