"""What ``xllamacpp doctor`` says of the build: which one it is, and whether another suits the machine better."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import pytest

from recorded_machines import lay_out
from xllamacpp.cli.selection import compare, installed_row
from xllamacpp.select import read_machine
from xllamacpp.select.rows import load_rows

ROWS = load_rows()
BY_NAME = {row.name: row for row in ROWS.rows}


@dataclass
class Record:
    """A distribution, as far as it is looked at."""

    version: str


@pytest.mark.parametrize(
    ("backends", "version", "name"),
    [
        (["cpu"], "1.2.3", "cpu-generic"),
        (["cpu"], "1.2.3+native", "cpu-native"),
        (["cpu", "cuda"], "1.2.3+cu124", "cuda-12.4"),
        (["cpu", "cuda"], "1.2.3+cu128", "cuda-12.8"),
        (["cpu", "hip"], "1.2.3+rocm6.3", "rocm-6.3"),
        (["cpu", "cuda"], "1.2.3", None),
        (["cpu", "cuda"], "1.2.3+mine", None),
    ],
)
def test_the_label_tells_the_row(backends, version, name):
    row = installed_row(ROWS, {"row": None, "backends": backends}, [Record(version)])
    assert (row and row.name) == name


def test_a_row_that_the_build_names_needs_no_label():
    build = {"row": "cuda-12.4", "backends": ["cpu", "cuda"]}
    row = installed_row(ROWS, build, [Record("1.2.3+variants")])
    assert row == BY_NAME["cuda-12.4"]


@pytest.mark.parametrize(
    ("machine", "backends", "row", "text", "remedy"),
    [
        (
            "rtx_3060_driver_550",
            ["cpu"],
            "cpu-generic",
            "cuda-12.4: NVIDIA GeForce RTX 3060 has",
            '/whl/cu124/ "xllamacpp[cuda]==VERSION+cu124"',
        ),
        ("rtx_3060_driver_550", ["cpu", "vulkan"], "vulkan", "cuda-12.4: ", '/whl/cu124/ "xllamacpp[cuda]=='),
        ("rtx_3060_driver_550", ["cpu", "cuda"], "cuda-12.4", "this one", None),
        ("rtx_3060_driver_550", ["cpu", "cuda"], "cuda-12.8", "cuda-12.4; this one will do", None),
        ("rtx_3060_driver_550", ["cpu", "cuda"], None, "this one", None),
        ("rx_9070", ["cpu", "hip"], "rocm-6.3", "rocm-6.4: rocm-6.4 has code for gfx1201", "/whl/rocm"),
        ("rhel_8", ["cpu"], "cpu-generic", "cuda-12.8: ", "docker run "),
        ("before_avx", ["cpu"], "cpu-native", "cpu-generic; this one will do", None),
        (
            "before_avx",
            ["cpu", "cuda"],
            "cuda-12.8",
            "cpu-generic, which is smaller; this one runs on the CPU too",
            None,
        ),
        ("container_without_gpu", ["cpu", "cuda"], "cuda-12.8", "cpu-generic, which is smaller; this", None),
        ("rx_6700_xt", ["cpu", "vulkan"], None, "this one: there is no wheel of this kind", None),
        ("rhel_9", ["cpu", "cuda"], None, "this one", None),
    ],
)
def test_a_build_that_suits_better_is_a_warning_with_its_command(tmp_path, machine, backends, row, text, remedy):
    first, seen, *_ = compare(backends, row and BY_NAME[row], read_machine(lay_out(machine, tmp_path)), ROWS)
    assert (first.name, first.text) == ("this build", row or f"a build of your own, for {backends[-1]}")
    assert seen.text.startswith(text)
    assert seen.mark == ("warning" if remedy else "ok")
    assert (remedy.replace("VERSION", ROWS.version) in seen.remedy) if remedy else seen.remedy == ""


def test_in_a_container_it_is_the_image_that_could_be_another(tmp_path):
    machine = read_machine(lay_out("rx_6700_xt", tmp_path))
    (_, outside, *_), (_, inside, *_) = (
        compare(["cpu"], BY_NAME["cpu-generic"], each, ROWS) for each in (machine, replace(machine, container="docker"))
    )
    assert (outside.mark, inside.mark) == ("ok", "warning")
    *needs, command = inside.remedy.splitlines()
    assert command.startswith("docker run ")
    assert command.endswith(" xllamacpp:vulkan")
    assert needs[0] == "run this on the host, outside of this container"


def test_the_remedy_is_what_to_do_first_then_what_to_run_then_what_its_words_mean(tmp_path):
    machine = read_machine(lay_out("rx_9070", tmp_path))
    python = replace(machine.interpreter, version="3.10.12")
    machine = replace(machine, interpreter=python)
    _, seen, *_ = compare(["cpu"], BY_NAME["cpu-generic"], machine, ROWS)
    get_uv, libraries, commands, site = seen.remedy.splitlines()
    assert get_uv.startswith("first install uv: ")
    assert libraries.startswith("first install libamdhip64.so.6 and ")
    assert re.fullmatch(r"uv venv [^&]+ && uv pip install [^&]+ xllamacpp==\S+\+rocm6\.4", commands)
    assert site.startswith("SITE/ stands for ")


@pytest.mark.parametrize(
    ("machine", "backends", "switch"),
    [
        ("dgx_spark", ["cpu"], "XLLAMACPP_BUILD_CUDA=1"),
        ("dgx_spark", ["cpu", "vulkan"], "XLLAMACPP_BUILD_CUDA=1"),
        ("dgx_spark", ["cpu", "cuda"], None),
        ("rhel_9", ["cpu"], "XLLAMACPP_BUILD_CUDA=1"),
        ("rx_6700_xt", ["cpu"], "XLLAMACPP_BUILD_VULKAN=1"),
        ("rx_6700_xt", ["cpu", "vulkan"], None),
        ("alpine", ["cpu"], None),
        ("rtx_3060_driver_550", ["cpu"], None),
    ],
)
def test_a_build_from_source_is_offered_where_it_is_more_than_the_wheel_and_what_is_here(
    tmp_path, machine, backends, switch
):
    row = BY_NAME["cpu-generic"] if backends == ["cpu"] else None
    seen = compare(backends, row, read_machine(lay_out(machine, tmp_path)), ROWS)
    remedies = [each.remedy for each in seen if "build it here" in each.remedy]
    assert len(remedies) == (1 if switch else 0)
    assert all(switch in remedy for remedy in remedies)


def test_in_a_container_there_is_no_build_from_source_where_there_is_an_image(tmp_path):
    machine = replace(read_machine(lay_out("rx_6700_xt", tmp_path)), container="docker")
    seen = compare(["cpu"], BY_NAME["cpu-generic"], machine, ROWS)
    assert not [each for each in seen if "build it here" in each.remedy]


@pytest.mark.parametrize("name", ["macos_arm64", "aarch64"])
def test_metal_is_a_kind_that_no_other_is_better_than(tmp_path, name):
    seen = list(compare(["cpu", "metal"], None, read_machine(lay_out(name, tmp_path)), ROWS))
    assert [(each.name, each.text) for each in seen] == [("this build", "a build of your own, for metal")]


def test_what_would_have_to_change_is_told(tmp_path):
    machine = read_machine(lay_out("container_without_gpu", tmp_path))
    *_, last = compare(["cpu", "cuda"], BY_NAME["cuda-12.8"], machine, ROWS)
    assert (last.mark, "--gpus all" in last.remedy) == ("ok", True)


def test_the_command_has_it(run):
    section = json.loads(run("doctor", "--json").stdout)["sections"]["selection"]
    assert [seen["name"] for seen in section][:2] == ["this build", "best build"]
