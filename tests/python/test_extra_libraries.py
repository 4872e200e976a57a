"""The libraries of an extra that lie elsewhere than beside the package."""

from __future__ import annotations

import pytest

from stub_libraries import CUBLAS, make_library, run_python

FOLDER = "nvidia/cublas/lib"
CUDART = "libcudart.so.12"


@pytest.fixture
def module(tmp_path):
    """A module that adds 1 to what a library gives, and does not find it by itself."""
    built = make_library(tmp_path / "built" / CUBLAS, 100)
    found = make_library(tmp_path / "site" / "xllamacpp" / "lib" / "libggml-cuda.so", 1, needs=[built])
    built.unlink()
    return found


def load(module, *entries, **environment):
    """Load the module after the extra's libraries, with more entries of ``sys.path``; return what it says."""
    code = f"""
import ctypes, sys
from pathlib import Path
from xllamacpp._native.extra_libraries import load_extra_libraries
from xllamacpp.select.rows import Extra
sys.path += {[str(entry) for entry in entries]}
load_extra_libraries(Path({str(module)!r}), Extra("cuda", ("{CUBLAS}", "{CUDART}"), ("{FOLDER}",)))
try:
    print(ctypes.CDLL({str(module)!r}).module_number())
except OSError as error:
    print(error)
"""
    return run_python(code, **environment).strip()


def test_they_are_taken_from_where_python_finds_the_package(module, tmp_path):
    make_library(tmp_path / "other" / FOLDER / CUBLAS, 100)
    assert load(module, tmp_path / "empty", tmp_path / "other", tmp_path / "more") == "101"


def test_each_that_the_module_misses_is_taken(tmp_path):
    folder = tmp_path / "other" / FOLDER
    needs = [make_library(folder / CUBLAS, 100), make_library(folder / CUDART, 200)]
    module = make_library(tmp_path / "site" / "libggml-cuda.so", 1, needs=needs)
    assert load(module).startswith((CUBLAS, CUDART))
    assert load(module, tmp_path / "other") == "101"


def test_what_the_linker_finds_comes_first(module, tmp_path):
    make_library(tmp_path / "other" / FOLDER / CUBLAS, 100)
    make_library(tmp_path / "mine" / CUBLAS, 300)
    assert load(module, tmp_path / "other", LD_LIBRARY_PATH=str(tmp_path / "mine")) == "301"


def test_where_there_are_none_the_linkers_words_stay(module, tmp_path):
    assert load(module, tmp_path / "other").startswith(f"{CUBLAS}: cannot open shared object file")


def test_a_library_that_cannot_be_loaded_changes_nothing(module, tmp_path):
    broken = make_library(tmp_path / "other" / FOLDER / CUBLAS, 100)
    broken.write_bytes(b"no library")
    assert load(module, tmp_path / "other").startswith(f"{CUBLAS}: cannot open shared object file")


def test_a_library_of_the_driver_is_not_looked_for(tmp_path):
    driver = make_library(tmp_path / "built" / "libcuda.so.9", 1)
    module = make_library(tmp_path / "site" / "libggml-cuda.so", 1, needs=[driver])
    make_library(tmp_path / "other" / FOLDER / "libcuda.so.9", 1)
    driver.unlink()
    assert load(module, tmp_path / "other").startswith("libcuda.so.9: cannot open shared object file")
