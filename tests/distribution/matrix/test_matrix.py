"""matrix.yaml: what it says is complete and true as far as files can tell, and what cannot be is refused by name."""

from __future__ import annotations

import dataclasses
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import matrix
import xllamacpp as xlc
from llama_cpp_header.reading import pinned_tree

CHECKOUT = Path(__file__).resolve().parents[3]
MATRIX = matrix.load(CHECKOUT)

every_row = pytest.mark.parametrize("row", MATRIX.rows.values(), ids=list(MATRIX.rows))


def test_the_rows_are_those_that_ship():
    assert list(MATRIX.rows) == [
        "cpu-generic",
        "cpu-native",
        "cuda-12.4",
        "cuda-12.8",
        "rocm-6.3",
        "rocm-6.4",
        "vulkan",
    ]


def test_what_was_read_stays_as_it_is():
    row = MATRIX.rows["cuda-12.4"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.title = "another"
    for mapping in (MATRIX.rows, row.cmake.module, row.container.environment, MATRIX.gpus.cuda):
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["new"] = "value"


def test_a_row_is_found_by_its_name_and_its_alias():
    assert MATRIX.row("cuda").name == "cuda-12.8"
    with pytest.raises(matrix.MatrixError, match=r"no row cuda-12.5. Did you mean cuda-12.\d\? Rows: cpu-generic, "):
        MATRIX.row("cuda-12.5")
    with pytest.raises(matrix.MatrixError, match=r"no row cuda-13.2. It is planned: "):
        MATRIX.row("cuda-13.2")


def test_every_image_has_tags_of_its_own():
    tags = [tag for row in MATRIX.rows.values() for tag in MATRIX.tags(row, "1.2.3")]
    assert len(tags) == len(set(tags))
    assert MATRIX.tags(MATRIX.rows["cpu-generic"], "1.2.3") == ("1.2.3-cpu-generic", "cpu-generic", "cpu", "latest")


def test_labels_tell_the_wheels_of_one_version_apart():
    versions = [row.wheel_version("1.2.3") for row in MATRIX.rows.values()]
    assert versions == [
        f"1.2.3{label}" for label in ("+cpu", "+native", "+cu124", "+cu128", "+rocm6.3", "+rocm6.4", "+vulkan")
    ]


@every_row
def test_the_dockerfile_takes_what_the_row_gives(row):
    text = (CHECKOUT / row.dockerfile_path).read_text(encoding="utf-8")
    taken = {name.partition("=")[0] for line in re.findall(r"^ARG (.+)$", text, re.MULTILINE) for name in line.split()}
    assert taken == {*row.build_args(), "VERSION", "REVISION", "CREATED"}


def test_the_dockerfiles_defaults_are_images_of_their_rows():
    for family in {row.dockerfile for row in MATRIX.rows.values()}:
        rows = [row for row in MATRIX.rows.values() if row.dockerfile == family]
        text = (CHECKOUT / rows[0].dockerfile_path).read_text(encoding="utf-8")
        defaults = re.findall(r"^ARG (BUILDER|OLDEST|SDK|RUNTIME)_IMAGE=(\S+)$", text, re.MULTILINE)
        assert defaults
        for kind, image in defaults:
            assert image in {getattr(row.bases, kind.lower()).name for row in rows}, (family, kind)


def test_architectures_become_device_code():
    cuda = MATRIX.rows["cuda-12.8"]
    assert len(cuda.architectures) > 5
    options = cuda.build_args()["MODULE_CMAKE_OPTIONS"].split()
    assert f"-DCMAKE_CUDA_ARCHITECTURES={';'.join(cuda.architectures)}" in options
    one = MATRIX.rows["rocm-6.3"].build_args(architectures=["gfx1100"])
    assert "-DCMAKE_HIP_ARCHITECTURES=gfx1100" in one["MODULE_CMAKE_OPTIONS"].split()
    assert one["GPU_TARGETS"] == "gfx1100"


def test_an_architecture_that_a_row_has_not_is_refused():
    with pytest.raises(matrix.MatrixError, match=r"row rocm-6.3: no architecture gfx1201. It has gfx908, "):
        MATRIX.rows["rocm-6.3"].build_args(architectures=["gfx1201"])
    with pytest.raises(matrix.MatrixError, match=r"row vulkan: no architecture 86-real. It has none to choose from"):
        MATRIX.rows["vulkan"].build_args(architectures=["86-real"])


@every_row
def test_stand_ins_take_the_place_of_every_image(row):
    if not row.has_stand_ins:
        with pytest.raises(matrix.MatrixError, match=rf"row {row.name}: bases.sdk \(.*\) has no stand-in: Debian"):
            row.build_args(stand_ins=True)
        return
    real, stand_ins = row.build_args(), row.build_args(stand_ins=True)
    assert real.keys() == stand_ins.keys()
    for name in (name for name in real if name.endswith("_IMAGE")):
        assert real[name] in {base.reference for base in row.bases.images}
        assert stand_ins[name].startswith("xllamacpp-stand-in:")


def test_the_stand_in_of_a_rocm_image_has_its_own_compiler():
    row = MATRIX.rows["rocm-6.4"]
    compilers = [
        re.findall(r"-DCMAKE_HIP_COMPILER=(\S+)", row.build_args(stand_ins=stand_ins)["MODULE_CMAKE_OPTIONS"])
        for stand_ins in (False, True)
    ]
    assert compilers == [["/opt/rocm/llvm/bin/clang++"], ["/usr/bin/clang++-21"]]


def test_a_stand_in_is_named_after_its_recipe():
    first = matrix.StandIn(suite="trixie", packages=("g++",), glibc="2.41")
    assert first.image == dataclasses.replace(first, glibc="2.42").image
    others = [{"suite": "sid"}, {"packages": ("gcc",)}, {"components": ("main", "contrib")}, {"path_excludes": ("/x",)}]
    assert len({first.image, *(dataclasses.replace(first, **change).image for change in others)}) == 5


@every_row
def test_every_cmake_option_is_one_of_ours_or_ggmls(row):
    ours = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "native" / "cmake").glob("*.cmake"))
    ggmls = (pinned_tree() / "ggml" / "CMakeLists.txt").read_text(encoding="utf-8")
    for name in {**row.cmake.core, **row.cmake.module}:
        known = re.compile(rf"\b{name}\b")
        assert name.startswith("CMAKE_") or known.search(ours) or known.search(ggmls), name


@every_row
def test_every_architecture_has_the_gpus_that_it_serves(row):
    assert (len(MATRIX.gpus_of(row)) > 0) == bool(row.architectures)
    assert all(MATRIX.gpus_of(row).values())


def test_the_core_links_to_what_the_matrix_allows():
    allowed = MATRIX.rows["cpu-generic"].needed.core
    libraries = [*Path(xlc.__file__).parent.glob("lib/*.so"), *Path(xlc.__file__).parent.glob("_native/*.so")]
    assert len(libraries) > 5
    for path in libraries:
        with ELFFile.load_from_path(path) as elf:
            needed = [tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")]
        assert not [name for name in needed if not any(fnmatch(name, pattern) for pattern in allowed)], path.name
