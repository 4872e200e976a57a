"""The gate of the clean Debians, as far as it goes without an engine: what is tried where, and how it is judged."""

from __future__ import annotations

import dataclasses
import ensurepip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from doctored_wheels import CHECKOUT, TARGET, Doctored, words
from engines.errors import BaseImageError
from wheels.gates import clean_roots
from wheels.gates.__main__ import pythons_in
from wheels.gates.clean_roots import ROOTS, CleanRoots, judge
from wheels.gates.gate import Finding, Target
from wheels.gates.wheel_file import WheelFile

DEBIAN_11, DEBIAN_12, *_ = ROOTS
CUDA = Target.of(CHECKOUT, "cuda-12.4")
ANSWER = json.dumps({"version": TARGET.version, "python": "3.11", "tokens": 8})
NOTHING_TRIED = "nothing that the wheel is for could be tried: see above"


def test_every_python_that_the_project_names_is_tried():
    assert clean_roots.python_versions(TARGET) == ["3.11", "3.12", "3.13", "3.14"]


def test_a_debian_is_served_from_the_tags_c_library_on():
    platforms = [Target.of(CHECKOUT, row).row.wheel.platform for row in ("cpu", "cuda", "vulkan")]
    served = [[root.is_served(platform) for root in ROOTS] for platform in platforms]
    assert served == [[True, True, True, True], [False, True, True, True], [False, False, True, True]]


def test_an_answer_of_the_right_wheel_passes():
    assert judge(DEBIAN_12, "3.11", TARGET, 0, f"some warning\n{ANSWER}\n") is None


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (1, "ImportError: libcuda.so.1", "does not install, or does not generate (1): ImportError: libcuda.so.1"),
        (0, "no answer", "the program ended without its answer: no answer"),
        (0, "", "the program ended without its answer"),
        (0, ANSWER.replace("3.11", "3.13"), "python is 3.13, not 3.11"),
        (0, ANSWER.replace('"tokens": 8', '"tokens": 0'), "it generated no token"),
    ],
)
def test_how_a_run_fails_is_told(status, said, expected):
    finding = judge(DEBIAN_12, "3.11", TARGET, status, said)
    assert finding.where == "Debian 12, Python 3.11"
    assert expected in finding.what


def test_where_the_c_library_is_older_pip_has_to_refuse():
    refusal = f"ERROR: {CUDA.version}.whl is not a supported wheel on this platform."
    assert judge(DEBIAN_11, "3.12", CUDA, 1, refusal) is None
    assert "has glibc 2.31" in judge(DEBIAN_11, "3.12", CUDA, 0, ANSWER).what
    assert "has glibc 2.31" in judge(DEBIAN_11, "3.12", CUDA, 1, "Segmentation fault").what


def test_what_cannot_be_had_here_is_a_note_and_nothing_at_all_is_a_failure(finished, tmp_path, monkeypatch):
    def no_image(*arguments, **options):
        raise BaseImageError("debian:bookworm-slim cannot be pulled")

    # There is no engine in these tests.
    monkeypatch.setattr(clean_roots.base_images, "prepare", no_image)
    with WheelFile(Doctored.of(finished).write(tmp_path)) as wheel:
        findings = CleanRoots(None, tmp_path / "demo.gguf").check(wheel, TARGET)
    said = words(findings)
    assert "Debian 11: not tried: its own Python is 3.9, and no other was given" in said
    assert "Debian 12: not tried: debian:bookworm-slim cannot be pulled" in said
    assert "Python 3.12: not tried: no root that was tried has it" in said
    assert [finding.what for finding in findings if not finding.note] == [NOTHING_TRIED]


def test_a_refusal_alone_is_no_trial(finished, tmp_path, monkeypatch, capsys):
    def image(self, root, target):
        if root is not DEBIAN_11:
            raise BaseImageError("it cannot be pulled")

    monkeypatch.setattr(CleanRoots, "_image", image)
    # pip refuses the wheel there, as it should: nothing is wrong with that.
    monkeypatch.setattr(CleanRoots, "_try", lambda self, *arguments: None)
    versions = clean_roots.python_versions(TARGET)
    with WheelFile(Doctored.of(finished).write(tmp_path)) as wheel:
        findings = CleanRoots(None, tmp_path, dict.fromkeys(versions, tmp_path)).check(wheel, CUDA)
    assert [finding.what for finding in findings if not finding.note] == [NOTHING_TRIED]
    assert {f"Python {version}" for version in versions} <= {finding.where for finding in findings if finding.note}
    said = [f"Debian 11, Python {version}: pip refuses it, as it should" for version in versions]
    assert capsys.readouterr().out.splitlines() == said


def test_what_is_tried_is_told_while_it_goes_on(finished, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(CleanRoots, "_image", lambda self, root, target: "sha256:0")
    wrong = Finding("Debian 12, Python 3.14", "it generated no token")
    monkeypatch.setattr(CleanRoots, "_try", lambda self, *arguments: wrong if arguments[4] == "3.14" else None)
    pythons = {"3.13": tmp_path, "3.14": tmp_path}
    with WheelFile(Doctored.of(finished).write(tmp_path)) as wheel:
        CleanRoots(None, tmp_path, pythons, [DEBIAN_12]).check(wheel, TARGET)
    assert capsys.readouterr().out.splitlines() == [
        "Debian 12, Python 3.11: it installs and generates",
        "Debian 12, Python 3.13: it installs and generates",
        "Debian 12, Python 3.14: it generated no token",
    ]


MISSING = "cannot open shared object file: No such file or directory"
MODULES = {
    "loaded": ({"vulkan": "the libraries that it needs are there"}, ["cpu-x64", "vulkan"], ""),
    "no loader": ({"vulkan": f"libvulkan.so.1: {MISSING}"}, ["cpu-x64"], ""),
    "another library": (
        {"vulkan": f"libgomp.so.1: {MISSING}"},
        ["cpu-x64"],
        "for which only one of libvulkan.so.1 may",
    ),
    "a symbol": (
        {"vulkan": "/tmp/site/xllamacpp/lib/libggml-vulkan.so: undefined symbol: ggml_gone"},
        ["cpu-x64"],
        "the module vulkan is not loaded (/tmp/site/xllamacpp/lib/libggml-vulkan.so: undefined symbol: ggml_gone)",
    ),
    "no backend": ({"vulkan": "it gave no backend: no driver"}, ["cpu-x64"], "is not loaded (it gave no backend"),
    "none": ({}, ["cpu-x64"], "there is no module vulkan"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_gpus_module_lacks_nothing_but_what_the_row_names(case):
    modules, loaded, expected = MODULES[case]
    vulkan = Target.of(CHECKOUT, "vulkan")
    answer = json.loads(ANSWER) | {"version": vulkan.version, "modules": modules, "loaded": loaded}
    finding = judge(DEBIAN_12, "3.11", with_tag(vulkan, "manylinux_2_35_x86_64"), 0, json.dumps(answer))
    assert expected in finding.what if expected else finding is None


def with_tag(target, platform):
    wheel = dataclasses.replace(target.row.wheel, platform=platform)
    return Target(dataclasses.replace(target.row, wheel=wheel), CHECKOUT)


def test_pip_refuses_and_takes_wheels_as_the_gate_expects(finished, tmp_path):
    # pip itself, on this machine: the words that the gate looks for, and its way of installing.
    wheel = Doctored.of(finished)
    wheel.files = {name: content for name, content in wheel.files.items() if not name.endswith(".so")}
    wheel.name = wheel.name.replace(TARGET.row.wheel.platform, "manylinux_2_99_x86_64")
    target = dataclasses.replace(DEBIAN_11)
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(tmp_path / "site")]
    result = subprocess.run([*command, str(wheel.write(tmp_path))], capture_output=True, text=True)
    assert judge(target, "3.11", CUDA, result.returncode, result.stderr) is None
    wheel.name = wheel.name.replace("manylinux_2_99", "manylinux_2_17")
    subprocess.run([*command, str(wheel.write(tmp_path))], check=True, capture_output=True)
    assert (tmp_path / "site" / wheel.info / "METADATA").exists()


def test_what_a_root_runs_comes_as_far_as_its_program(finished, tmp_path):
    result, wheel = run_script(Doctored.of(finished), tmp_path)
    assert (tmp_path / "site" / wheel.info / "METADATA").exists(), result.stderr
    assert "xllamacpp" in result.stdout
    # This machine is no clean root.
    assert "there is a compiler" in result.stderr
    assert result.returncode == 1


def test_a_root_misses_the_command(finished, tmp_path):
    wheel = Doctored.of(finished)
    wheel.files[f"{wheel.info}/entry_points.txt"] = b""
    result, _ = run_script(wheel, tmp_path)
    assert "bin/xllamacpp: not found" in result.stderr
    assert result.returncode == 127


def run_script(wheel, tmp_path):
    (tmp_path / "wheels").mkdir()
    (bundled,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.copy(bundled, tmp_path / "wheels")
    metadata = f"{wheel.info}/METADATA"
    # Nothing can be fetched there.
    wheel.files[metadata] = re.sub(rb"Requires-Dist: .*\n", b"", wheel.files[metadata])
    wheel.name = wheel.name.replace(TARGET.row.wheel.platform, "manylinux_2_17_x86_64")
    script = clean_roots.script(sys.executable, wheel.write(tmp_path).name)
    for inside, here in (("/wheels", "wheels"), ("/wheel/", ""), ("/tmp/site", "site")):
        script = script.replace(inside, f"{tmp_path}/{here}")
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True), wheel


def test_the_program_that_a_root_runs_generates_here_too(demo_model, tmp_path):
    program = clean_roots._PROGRAM.replace('"/model.gguf"', repr(str(demo_model)))
    program = "\n".join(line for line in program.splitlines() if not line.startswith("assert"))
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    assert answer["tokens"] == 8
    assert {name.partition("-")[0] for name in answer["loaded"]} == {"cpu", *answer["modules"]}


def test_a_compiler_in_a_root_is_a_failure(tmp_path):
    result = subprocess.run([sys.executable, "-c", clean_roots._PROGRAM], capture_output=True, text=True)
    assert "there is a compiler" in result.stderr


def test_other_pythons_are_found_by_their_folders(tmp_path):
    (tmp_path / "cpython" / "bin").mkdir(parents=True)
    with pytest.raises(click.UsageError, match=r"holds no bin/python3\.N of 3\.12"):
        pythons_in((tmp_path / "cpython",), ["3.12"])
    (tmp_path / "cpython" / "bin" / "python3.12").touch()
    assert pythons_in((tmp_path / "cpython",), ["3.11", "3.12"]) == {"3.12": tmp_path / "cpython"}
