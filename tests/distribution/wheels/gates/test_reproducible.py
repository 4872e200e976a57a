"""The gate that compares two builds: it tells which file differs, and probably why."""

from __future__ import annotations

import dataclasses
import datetime
import json
import zipfile

import pytest

from doctored_wheels import BUILD_INFO, CREATED, LIBRARY, TARGET, Doctored, words
from wheels.archive import write
from wheels.gates.reproducible import Reproducible
from wheels.gates.wheel_file import WheelFile


@pytest.fixture(scope="module")
def small(finished):
    return Doctored.of(finished, LIBRARY)


@pytest.fixture
def builds(small, tmp_path):
    """Two builds in folders of their own: the first is written, the second can be changed before it is."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return small.write(tmp_path / "one"), dataclasses.replace(small, files=dict(small.files)), tmp_path / "two"


def compare(one, two):
    with WheelFile(one) as wheel, WheelFile(two) as other:
        return words(Reproducible(other).check(wheel, TARGET))


def test_the_same_bytes_pass(builds):
    one, second, folder = builds
    assert compare(one, second.write(folder)) == ""


def test_the_folder_of_the_build_is_found(builds):
    one, second, folder = builds
    second.files[LIBRARY] += b"\0/home/me/checkout/native/src/server.cpp\0"
    found = compare(one, second.write(folder))
    assert f"{LIBRARY}: differs" in found
    assert "the build's own folder is in it (/home/me/checkout/native/src/server.cpp)" in found
    assert "RECORD" not in found


def test_a_time_is_found(builds):
    one, second, folder = builds
    first = dataclasses.replace(second, files=dict(second.files))
    first.files[BUILD_INFO] += b"built 10:00:00"
    second.files[BUILD_INFO] += b"built 10:00:07"
    assert "a time is in it (10:00:00): set SOURCE_DATE_EPOCH" in compare(first.write(one.parent), second.write(folder))


def test_other_tools_are_told(builds):
    one, second, folder = builds
    tools = json.loads(second.files[BUILD_INFO])["tools"]
    second.edit_build_info(tools=tools | {"cython": "2.0"})
    found = compare(one, second.write(folder))
    assert "differs: tools is {" in found
    assert "build both with the same tools" in found


def test_the_section_of_a_library_that_differs_is_told(builds):
    one, second, folder = builds
    library = bytearray(second.files[LIBRARY])
    with WheelFile(one) as wheel:
        text = wheel.libraries[LIBRARY].section(".text")
    library[library.index(text)] ^= 1
    second.files[LIBRARY] = bytes(library)
    assert "first in section .text" in compare(one, second.write(folder))


def test_a_file_that_one_of_them_lacks_is_told(builds):
    one, second, folder = builds
    second.files["xllamacpp/more.py"] = b""
    assert f"xllamacpp/more.py: is in {folder}" in compare(one, second.write(folder))


def test_times_and_modes_of_entries_are_told_once(builds):
    one, second, folder = builds
    path = folder / second.name
    write(path, second.files, f"{second.info}/RECORD", CREATED + datetime.timedelta(hours=1))
    found = compare(one, path).splitlines()
    assert len(found) == 1
    assert "date_time is (2026, 11, 26, 10, 0, 0) and (2026, 11, 26, 11, 0, 0), and" in found[0]
    second.modes[LIBRARY] = 0o100755
    assert f"{LIBRARY}: external_attr is" in compare(one, second.write(folder))


def test_another_way_of_packing_is_told(builds):
    one, second, folder = builds
    path = folder / second.name
    with zipfile.ZipFile(one) as source, zipfile.ZipFile(path, "w") as made:
        for member in source.infolist():
            content = source.read(member)
            member.compress_type = zipfile.ZIP_STORED
            made.writestr(member, content)
    assert "holds the same files, packed differently" in compare(one, path)


def test_another_row_is_told(builds):
    one, second, folder = builds
    second.name = second.name.replace("-cp311", "+cu124-cp311")
    second.edit_build_info(row="cuda-12.4")
    assert "give two builds of one row" in compare(one, second.write(folder))
