"""The llama.cpp pin: one file, true, and moved by a session."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from clang import cindex

import xllamacpp as xlc

CHECKOUT = Path(__file__).resolve().parents[2]
PIN = CHECKOUT / "native" / "cmake" / "llama_cpp_pin.cmake"


def values(text):
    return dict(re.findall(r'^set\((\w+) +"(.*)"\)$', text, re.MULTILINE))


def test_the_pin_is_complete():
    pin = values(PIN.read_text())
    assert set(pin) == {
        "LLAMA_CPP_SDIST_NAME",
        "LLAMA_CPP_SDIST_VERSION",
        "LLAMA_CPP_SDIST_SHA256",
        "LLAMA_CPP_SDIST_FOLDER",
        "LLAMA_CPP_VERSION",
        "LLAMA_CPP_COMMIT",
    }
    assert re.fullmatch(r"[0-9a-f]{64}", pin["LLAMA_CPP_SDIST_SHA256"])
    assert re.fullmatch(r"[0-9a-f]{9}", pin["LLAMA_CPP_COMMIT"])


def test_the_wheel_is_built_from_the_pin():
    if xlc.BUILD_INFO["llama_cpp_commit"] == "custom":
        pytest.skip("this wheel was built from a checkout of llama.cpp (XLLAMACPP_LLAMA_CPP_DIR)")
    pin = values(PIN.read_text())
    assert xlc.BUILD_INFO["llama_cpp_version"] == pin["LLAMA_CPP_VERSION"]
    assert xlc.BUILD_INFO["llama_cpp_commit"] == pin["LLAMA_CPP_COMMIT"]


def test_nobody_else_knows_the_pin():
    # One fact, one home: the version, the hash and the commit stand in no other file of the project.
    pin = values(PIN.read_text())
    facts = {pin["LLAMA_CPP_SDIST_VERSION"], pin["LLAMA_CPP_SDIST_SHA256"], pin["LLAMA_CPP_COMMIT"]}
    files = [
        path
        for pattern in ("*.py", "*.toml", "*.cmake", "*.txt", "*.json", "*.pyx", "*.cpp", "*.h", "Makefile")
        for folder in ("native", "xllamacpp", "tests", ".")
        for path in (CHECKOUT / folder).glob(pattern if folder == "." else f"**/{pattern}")
        if path != PIN and "target" not in path.parts
    ]
    assert len(files) > 20
    assert not [(str(path), fact) for path in files for fact in facts if fact in path.read_text(encoding="utf-8")]


# What a llama.cpp says of its parameters, in few words.
HEADERS = {"vendor/llama.cpp/common/common.h": "struct common_params {\n    int n_new = 1;\n};\n"}
OLD_HEADERS = "struct common_params {\n    int n_old = 0;\n};\n"


def write_stand_in(wheelhouse, name):
    """Write a wheel that takes a package from this environment, so that no test waits for an index."""
    with zipfile.ZipFile(wheelhouse / f"{name}-999-py3-none-any.whl", "w") as wheel:
        folder = f"{name}-999.dist-info"
        wheel.writestr(f"{name}_elsewhere.pth", str(Path(cindex.__file__).parents[1]))
        wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 999\n")
        wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{folder}/RECORD", "")


@pytest.fixture
def move_pin(tmp_path):
    """Run the session on a copy of what it reads and writes; return its exit status, its output and the pin."""
    project = tmp_path / "project"
    copy = project / PIN.relative_to(CHECKOUT)
    copy.parent.mkdir(parents=True)
    for name in (
        "matrix.yaml",
        "noxfile.py",
        "pyproject.toml",
        "native/cmake/llama_cpp_pin.cmake",
        "native/cmake/llama_cpp_fetch.cmake",
    ):
        shutil.copy(CHECKOUT / name, project / name)
    for name in ("distribution", "tests/llama_cpp_header"):
        shutil.copytree(CHECKOUT / name, project / name)
    # The tree of the old pin is where a build would have put it.
    old = values(PIN.read_text())
    tree = tmp_path / "cache" / f"llama.cpp-{old['LLAMA_CPP_VERSION']}-{old['LLAMA_CPP_SDIST_SHA256'][:12]}"
    for path, text in {"include/llama.h": "", "common/common.h": OLD_HEADERS}.items():
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text(text)

    def move(sdist, *arguments):
        for name in ("cmake", "libclang"):
            write_stand_in(sdist.path.parent, name)
        cache = {"XLLAMACPP_BUILD_CACHE": str(tmp_path / "cache")}
        result = subprocess.run(
            [sys.executable, "-m", "nox", "--non-interactive", "-s", "llama_cpp", "--", *arguments],
            cwd=project,
            env={**os.environ, **sdist.environment, **cache, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        return result.returncode, result.stdout + result.stderr, copy.read_text()

    return move


def test_the_session_moves_the_pin(make_sdist, move_pin):
    sdist = make_sdist(files=HEADERS)
    before = PIN.read_text()
    status, output, after = move_pin(sdist, sdist.version)
    assert status == 0, output
    assert values(after) == {
        **values(before),
        "LLAMA_CPP_SDIST_VERSION": "9.9.9",
        "LLAMA_CPP_SDIST_SHA256": sdist.sha256,
        "LLAMA_CPP_VERSION": "7.8.9",
        "LLAMA_CPP_COMMIT": "abcdef012",
    }
    # Nothing but the values changes, and it says which did.
    blank = re.compile(r'"[^"]*"')
    assert blank.sub("", after) == blank.sub("", before)
    assert f"LLAMA_CPP_VERSION: {values(before)['LLAMA_CPP_VERSION']} -> 7.8.9" in output
    assert "Next: nox -s tests" in output
    # What that means for the table of parameters.
    assert "+ common_params::n_new: int = 1\n- common_params::n_old: int = 0\n" in output


def test_the_pin_moves_where_the_headers_cannot_be_compared(make_sdist, move_pin):
    sdist = make_sdist()
    status, output, after = move_pin(sdist, sdist.version)
    assert (status, values(after)["LLAMA_CPP_VERSION"]) == (0, "7.8.9"), output
    assert "the headers were not compared: libclang cannot read" in output
    assert "'common.h' file not found" in output


def test_the_commit_comes_from_gits_note_where_there_is_one(make_sdist, move_pin):
    sdist = make_sdist(files={".git/modules/vendor/llama.cpp/HEAD": "fedcba9876" * 4 + "\n"})
    _, output, after = move_pin(sdist, sdist.version)
    assert values(after)["LLAMA_CPP_COMMIT"] == "fedcba987", output


def test_a_commit_that_the_archive_does_not_tell_is_asked_for(make_sdist, move_pin):
    sdist = make_sdist(files={"CHANGELOG.md": ""})
    status, output, after = move_pin(sdist, sdist.version)
    assert status != 0
    assert "-- 9.9.9 COMMIT" in output
    assert after == PIN.read_text()
    status, output, after = move_pin(sdist, sdist.version, "0123456789abcdef")
    assert (status, values(after)["LLAMA_CPP_COMMIT"]) == (0, "012345678"), output


def test_the_newest_is_found_once(make_sdist, move_pin):
    sdist = make_sdist()
    status, output, after = move_pin(sdist, "newest")
    assert (status, values(after)["LLAMA_CPP_SDIST_VERSION"]) == (0, "9.9.9"), output
    status, output, again = move_pin(sdist, "newest")
    assert (status, again) == (0, after), output
    assert "there is nothing newer than 9.9.9" in output


def test_without_a_version_the_session_says_how_to_find_one(make_sdist, move_pin):
    status, output, after = move_pin(make_sdist())
    assert status != 0
    assert "pip index versions llama-cpp-python" in output
    assert after == PIN.read_text()
