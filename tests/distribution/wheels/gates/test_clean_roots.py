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
from wheels.gates.gate import Target
from wheels.gates.wheel_file import WheelFile

DEBIAN_11, DEBIAN_12, *_ = ROOTS
ANSWER = json.dumps({"version": TARGET.version, "python": "3.11", "tokens": 8})


def test_every_python_that_the_project_names_is_tried():
    assert clean_roots.python_versions(TARGET) == ["3.11", "3.12", "3.13", "3.14"]


def test_a_debian_is_served_from_the_tags_c_library_on():
    served = [
        [root.is_served(Target.of(CHECKOUT, row).row.wheel.platform) for root in ROOTS] for row in ("cpu", "vulkan")
    ]
    assert served == [[False, True, True, True], [False, False, True, True]]


def test_an_answer_of_the_right_wheel_passes():
    assert judge(DEBIAN_12, "3.11", TARGET, 0, f"some warning\n{ANSWER}\n") is None


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (1, "ImportError: libssl.so.3", "does not install, or does not generate (1): ImportError: libssl.so.3"),
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
    refusal = f"ERROR: {TARGET.version}.whl is not a supported wheel on this platform."
    assert judge(DEBIAN_11, "3.12", TARGET, 1, refusal) is None
    assert "has glibc 2.31" in judge(DEBIAN_11, "3.12", TARGET, 0, ANSWER).what
    assert "has glibc 2.31" in judge(DEBIAN_11, "3.12", TARGET, 1, "Segmentation fault").what


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
    assert "Python 3.12: not tried: no root has it" in said
    assert [finding.what for finding in findings if not finding.note] == ["nothing could be tried: see above"]


def test_pip_refuses_and_takes_wheels_as_the_gate_expects(finished, tmp_path):
    # pip itself, on this machine: the words that the gate looks for, and its way of installing.
    wheel = Doctored.of(finished)
    wheel.files = {name: content for name, content in wheel.files.items() if not name.endswith(".so")}
    wheel.name = wheel.name.replace("manylinux_2_35", "manylinux_2_99")
    target = dataclasses.replace(DEBIAN_11)
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(tmp_path / "site")]
    result = subprocess.run([*command, str(wheel.write(tmp_path))], capture_output=True, text=True)
    assert judge(target, "3.11", TARGET, result.returncode, result.stderr) is None
    wheel.name = wheel.name.replace("manylinux_2_99", "manylinux_2_17")
    subprocess.run([*command, str(wheel.write(tmp_path))], check=True, capture_output=True)
    assert (tmp_path / "site" / wheel.info / "METADATA").exists()


def test_what_a_root_runs_comes_as_far_as_its_program(finished, tmp_path):
    (tmp_path / "wheels").mkdir()
    (bundled,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.copy(bundled, tmp_path / "wheels")
    wheel = Doctored.of(finished)
    metadata = f"{wheel.info}/METADATA"
    # Nothing can be fetched there.
    wheel.files[metadata] = re.sub(rb"Requires-Dist: .*\n", b"", wheel.files[metadata])
    wheel.name = wheel.name.replace("manylinux_2_35", "manylinux_2_17")
    script = clean_roots.script(sys.executable, wheel.write(tmp_path).name)
    for inside, here in (("/wheels", "wheels"), ("/wheel/", ""), ("/tmp/site", "site")):
        script = script.replace(inside, f"{tmp_path}/{here}")
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert (tmp_path / "site" / wheel.info / "METADATA").exists(), result.stderr
    # This machine is no clean root.
    assert "there is a compiler" in result.stderr
    assert result.returncode == 1


def test_the_program_that_a_root_runs_generates_here_too(demo_model, tmp_path):
    program = clean_roots._PROGRAM.replace('"/model.gguf"', repr(str(demo_model)))
    program = "\n".join(line for line in program.splitlines() if not line.startswith("assert"))
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["tokens"] == 8


def test_a_compiler_in_a_root_is_a_failure(tmp_path):
    result = subprocess.run([sys.executable, "-c", clean_roots._PROGRAM], capture_output=True, text=True)
    assert "there is a compiler" in result.stderr


def test_other_pythons_are_found_by_their_folders(tmp_path):
    (tmp_path / "cpython" / "bin").mkdir(parents=True)
    with pytest.raises(click.UsageError, match=r"holds no bin/python3\.N of 3\.12"):
        pythons_in((tmp_path / "cpython",), ["3.12"])
    (tmp_path / "cpython" / "bin" / "python3.12").touch()
    assert pythons_in((tmp_path / "cpython",), ["3.11", "3.12"]) == {"3.12": tmp_path / "cpython"}
