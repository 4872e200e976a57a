"""How CMake gets llama.cpp: by name through pip, hash first, cached; or a checkout of the user's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FETCH = Path(__file__).resolve().parents[2] / "native" / "cmake" / "llama_cpp_fetch.cmake"

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")


@pytest.fixture
def fetch(tmp_path):
    """Run the recipe as CMake's script; return its exit status, what it printed, and the tree that it found."""
    script = tmp_path / "fetch.cmake"
    script.write_text(f'include("{FETCH.as_posix()}")\nmessage(STATUS "tree=${{LLAMA_CPP_DIR}}")\n')

    def run(environment=None, **variables):
        variables = {
            "XLLAMACPP_BUILD_CACHE": tmp_path / "cache",
            "Python_EXECUTABLE": sys.executable,
            "LLAMA_CPP_SDIST_NAME": "llama-cpp-python",
            "LLAMA_CPP_SDIST_FOLDER": "vendor/llama.cpp",
            "LLAMA_CPP_VERSION": "7.8.9",
            **variables,
        }
        result = subprocess.run(
            ["cmake", *(f"-D{name}={value}" for name, value in variables.items()), "-P", script],
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )
        output = result.stdout + result.stderr
        tree = output.partition("tree=")[2].partition("\n")[0]
        return result.returncode, " ".join(output.split()), Path(tree) if tree else None

    return run


def pin(sdist, **changes):
    return {"LLAMA_CPP_SDIST_VERSION": sdist.version, "LLAMA_CPP_SDIST_SHA256": sdist.sha256, **changes}


def trees(folder):
    return list(folder.rglob("llama.h"))


def test_a_wheelhouse_will_do_and_the_second_build_needs_nothing(fetch, make_sdist, tmp_path):
    sdist = make_sdist()
    status, output, tree = fetch(sdist.environment, **pin(sdist))
    assert status == 0, output
    assert (tree / "include" / "llama.h").is_file()
    assert not (tree / "models").exists()
    assert not (tmp_path / "cache" / "download").exists()

    expected = pin(sdist)
    shutil.rmtree(sdist.path.parent)
    status, output, again = fetch(sdist.environment, **expected)
    assert (status, again) == (0, tree), output


def test_an_interrupted_unpacking_is_done_again_from_the_cached_archive(fetch, make_sdist, tmp_path):
    sdist = make_sdist()
    expected = pin(sdist)
    _, _, tree = fetch(sdist.environment, **expected)
    shutil.rmtree(sdist.path.parent)
    (tree / "include" / "llama.h").unlink()
    status, output, again = fetch(sdist.environment, **expected)
    assert (status, again) == (0, tree), output
    assert (tree / "include" / "llama.h").is_file()


def test_a_damaged_archive_in_the_cache_is_fetched_again(fetch, make_sdist, tmp_path):
    sdist = make_sdist()
    cached = tmp_path / "cache" / sdist.path.name
    cached.parent.mkdir()
    cached.write_bytes(sdist.path.read_bytes()[:100])
    status, output, tree = fetch(sdist.environment, **pin(sdist))
    assert status == 0, output
    assert (tree / "include" / "llama.h").is_file()


def test_another_file_under_the_name_is_refused_before_anything_is_unpacked(fetch, make_sdist, tmp_path):
    sdist = make_sdist()
    wanted = "0" * 64
    status, output, _ = fetch(sdist.environment, **pin(sdist, LLAMA_CPP_SDIST_SHA256=wanted))
    assert status != 0
    for part in ("is not the pinned archive", wanted, sdist.sha256, "Nothing of it was unpacked"):
        assert part in output
    assert not trees(tmp_path / "cache")


def test_where_it_cannot_be_had_the_error_says_what_helps(fetch, make_sdist, tmp_path):
    sdist = make_sdist()
    environment = {**sdist.environment, "PIP_FIND_LINKS": str(tmp_path / "nothing here")}
    status, output, _ = fetch(environment, **pin(sdist))
    assert status != 0
    for part in ("llama-cpp-python==9.9.9", "PIP_INDEX_URL", "PIP_NO_INDEX", "XLLAMACPP_LLAMA_CPP_DIR"):
        assert part in output


def test_a_checkout_of_the_users_own_is_taken_without_pip(fetch, make_sdist, tmp_path):
    checkout = tmp_path / "a checkout"
    (checkout / "include").mkdir(parents=True)
    (checkout / "include" / "llama.h").touch()
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "nothing here")}
    status, output, tree = fetch(environment, XLLAMACPP_LLAMA_CPP_DIR=checkout)
    assert (status, tree) == (0, checkout), output


def test_a_folder_that_is_no_checkout_is_refused(fetch, tmp_path):
    status, output, _ = fetch(XLLAMACPP_LLAMA_CPP_DIR=tmp_path / "empty")
    assert status != 0
    assert "include/llama.h" in output
