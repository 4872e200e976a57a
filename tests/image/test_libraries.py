"""What the libraries of a row's wheel link to, and what its GPU module has code for."""

from __future__ import annotations

import fnmatch
import io
import os
import re
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import image_builds
from image.containers import run

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
# How each toolkit lists the device code in a library.
LISTS = {
    "cuda": "cuobjdump --list-elf --list-ptx /module/libggml-cuda.so",
    "hip": "$(ls /opt/rocm/llvm/bin/llvm-objdump /usr/bin/llvm-objdump-* 2>/dev/null | head -n 1) --offloading "
    "/module/libggml-hip.so",
}


@pytest.fixture(scope="module")
def libraries():
    """Give the libraries of the wheel: what each links to, and where it looks for that, by file name."""
    found = {}
    with zipfile.ZipFile(os.environ["XLLAMACPP_WHEEL"]) as wheel:
        for name in wheel.namelist():
            if name.endswith(".so"):
                dynamic = ELFFile(io.BytesIO(wheel.read(name))).get_section_by_name(".dynamic")
                tags = [(tag.entry.d_tag, tag) for tag in dynamic.iter_tags()]
                found[Path(name).name] = (
                    [tag.needed for kind, tag in tags if kind == "DT_NEEDED"],
                    [tag.runpath for kind, tag in tags if kind == "DT_RUNPATH"],
                )
    return found


def test_they_link_to_nothing_that_the_matrix_does_not_name(row, libraries):
    assert len(libraries) > 5
    module = f"libggml-{row.backend}.so"
    for name, (needed, _) in libraries.items():
        allowed = (*row.needed.core, *row.needed.module) if name == module else row.needed.core
        strange = [library for library in needed if not any(fnmatch.fnmatch(library, each) for each in allowed)]
        assert not strange, name


def test_the_matrix_names_nothing_that_the_module_does_not_link_to(row, libraries):
    if not row.is_gpu:
        pytest.skip("the row adds no module")
    needed, _ = libraries[f"libggml-{row.backend}.so"]
    assert set(row.needed.module) <= set(needed)


def test_they_look_for_each_other_beside_themselves(libraries):
    for name, (_, paths) in libraries.items():
        assert all(path.startswith("$ORIGIN") for path in paths), name


def test_the_wheel_stays_within_its_size(row):
    assert Path(os.environ["XLLAMACPP_WHEEL"]).stat().st_size / 1e6 <= row.wheel.max_mb


def test_the_module_has_code_for_the_gpus_that_it_was_built_for(engine, client, row):
    if row.backend not in LISTS:
        pytest.skip("the row has no device code: its drivers compile it")
    image = image_builds.build(engine, ROOT, row, target="module")
    arguments = image_builds.arguments_of(engine, ROOT, row)
    status, said = run(client, image.id, ["sh", "-c", LISTS[row.backend]])
    assert status == 0, said
    if row.cuda:
        asked = set(re.findall(r"\d+a?-(?:real|virtual)", arguments["MODULE_CMAKE_OPTIONS"]))
        kinds = {"cubin": "real", "ptx": "virtual"}
        found = {f"{sm}-{kinds[kind]}" for sm, kind in re.findall(r"\.sm_(\d+a?)\.(cubin|ptx)", said)}
    else:
        asked, found = set(arguments["GPU_TARGETS"].split()), set(re.findall(r"gfx[0-9a-f]+", said))
    assert found == asked
