"""How the facts of a machine are found, and what is told where they are not."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import signal
import subprocess
import sys
import sysconfig
import venv
from dataclasses import replace
from pathlib import Path

import pytest

import xllamacpp.select
from recorded_machines import FOLDER, NAMES, lay_out
from xllamacpp.select import Source, choose, read_machine
from xllamacpp.select.cpu import read_cpu
from xllamacpp.select.files import Files
from xllamacpp.select.nvidia_faults import explain
from xllamacpp.select.source import ask_interpreter, run_command
from xllamacpp.select.system import read_libraries, read_unlinked
from xllamacpp.select.vulkan import find_manifests


@pytest.fixture
def program(tmp_path):
    """Write a program and return its path."""

    def write(text):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "output", "failure"),
    [
        ("echo yes; echo a warning >&2", "yes\n", ""),
        ("echo; echo No devices were found.; exit 6", "\nNo devices were found.\n", "failed: No devices were found"),
        ("echo it is broken >&2; exit 1", "", "failed: it is broken"),
        ("exit 3", "", "failed: it ended with 3"),
        ("kill -SEGV $$", "", "failed: it ended with -11"),
        ("sleep 600", "", "did not answer within 0.2 s"),
        # A child that keeps the pipe open.
        ("sleep 600 & echo started; wait", "", "did not answer within 0.2 s"),
    ],
)
def test_a_program_that_fails_or_hangs_is_an_answer(program, text, output, failure):
    answer = run_command([program(text)], 0.2 if "sleep" in text else 60)
    assert (answer.output, answer.failure) == (output, f"nvidia-smi {failure}" if failure else "")
    assert not answer.is_missing


def test_a_program_that_is_missing_or_no_program_is_an_answer(tmp_path):
    answer = run_command([str(tmp_path / "nvidia-smi")])
    assert (answer.failure, answer.is_missing) == ("nvidia-smi is not here", True)
    (tmp_path / "nvidia-smi").write_text("text")
    answer = run_command([str(tmp_path / "nvidia-smi")])
    assert (answer.failure, answer.is_missing) == ("nvidia-smi cannot be started: Permission denied", False)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_machine_shows_is_read_without_failures(name, tmp_path):
    machine = read_machine(lay_out(name, tmp_path))
    assert not [note for note in machine.notes if "cannot be looked at" in note]


def test_a_reader_that_fails_is_a_fact_and_leaves_the_others(tmp_path):
    source = lay_out("gfx90c_apu", tmp_path)
    program = tmp_path / "programs" / "vulkan_devices"
    next(program.iterdir()).write_text("#!/bin/sh\necho no JSON\n")
    machine = read_machine(source)
    (note,) = machine.notes
    assert note.startswith("Vulkan cannot be looked at (JSONDecodeError: ")
    assert machine.vulkan.devices == ()
    assert machine.amd.targets == ("gfx90c",)


def test_wsls_own_folder_is_looked_into_for_nvidia_smi(tmp_path):
    source = lay_out("wsl2", tmp_path)
    asked = []

    def run(command):
        asked.append(command[0])
        return run_command(["/nowhere"]) if command[0] == "nvidia-smi" else source.run(command)

    machine = read_machine(Source(source.root, {}, run, source.interpreter, source.cuda_version))
    assert "/usr/lib/wsl/lib/nvidia-smi" in asked
    assert (machine.nvidia.driver, machine.nvidia.cuda) == ("572.83", "12.8")
    assert machine.is_wsl


def test_what_hangs_is_not_asked_again(tmp_path):
    source = lay_out("nvidia_smi_hangs", tmp_path)
    asked = []

    def run(command):
        asked.append(command[-1])
        return source.run(command)

    read_machine(Source(source.root, {}, run, source.interpreter, source.cuda_version))
    assert "cuda_devices" not in asked


@pytest.mark.parametrize(
    ("cpu", "level"), [("core_2_e8400", 1), ("ryzen_5600", 3), ("xeon_8480", 4), ("altra", 0), (None, 0)]
)
def test_the_level_of_a_processor(tmp_path, cpu, level):
    if cpu:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text((FOLDER / "cpuinfo" / f"{cpu}.txt").read_text())
    assert read_cpu(Files(tmp_path, {})).level == level


def test_a_level_takes_the_ones_below_it(tmp_path):
    (tmp_path / "proc").mkdir()
    text = (FOLDER / "cpuinfo/ryzen_5600.txt").read_text()
    (tmp_path / "proc/cpuinfo").write_text(text.replace(" popcnt", ""))
    assert read_cpu(Files(tmp_path, {})).level == 1


def test_libraries_are_found_in_ld_library_path_too(tmp_path):
    source = lay_out("rtx_3060_driver_550", tmp_path)
    folder = source.root / "opt/cuda/lib64"
    folder.mkdir(parents=True)
    (folder / "libcudart.so.12").touch()
    assert "libcudart.so.12" not in read_libraries(source)
    environment = {"LD_LIBRARY_PATH": "/nowhere:/opt/cuda/lib64"}
    found = read_libraries(Source(source.root, environment, source.run, source.interpreter))
    assert {"libcudart.so.12", "libcuda.so.1"} <= found


def test_libraries_for_programs_of_another_kind_are_none(tmp_path):
    source = lay_out("rtx_3060_driver_550", tmp_path)
    (tmp_path / "programs/ldconfig").write_text(
        """#!/bin/sh
echo "4 libs found in cache"
echo "	libvulkan.so.1 (libc6) => /lib/i386-linux-gnu/libvulkan.so.1"
echo "	libssl.so.3 (libc6,x86-64) => /lib/x86_64-linux-gnu/libssl.so.3"
echo "	libm.so.6 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/x86_64-linux-gnu/libm.so.6"
echo "	libz.so.1 (libc6,AArch64) => /lib/aarch64-linux-gnu/libz.so.1"
"""
    )
    assert read_libraries(source) == {"libssl.so.3", "libm.so.6"}
    other = replace(source, interpreter=replace(source.interpreter, architecture="aarch64"))
    assert read_libraries(other) == {"libz.so.1"}


def test_rocms_libraries_are_found_in_its_newest_folder(tmp_path):
    for folder in ("rocm", "rocm-6.3.4", "rocm-6.4.1"):
        library = tmp_path / "opt" / folder / "lib/libamdhip64.so.6"
        library.parent.mkdir(parents=True)
        library.touch()
    assert read_unlinked(Files(tmp_path, {})) == {"libamdhip64.so.6": "/opt/rocm-6.4.1/lib"}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("cuInit failed with error 802", "not ready"),
        ("cuInit failed with error 803", "mismatch"),
        ("cuInit failed with error 999", "unknown"),
        ("cuInit failed with error 100", ""),
        ("libcuda.so.1, NVIDIA's driver, cannot be loaded", "no library"),
    ],
)
def test_what_the_drivers_library_says_is_understood(tmp_path, said, fault):
    source = lay_out("nvidia_driver_mismatch", tmp_path)
    (tmp_path / "programs/nvidia-smi").unlink()
    program = next((tmp_path / "programs/cuda_devices").iterdir())
    program.write_text(f'#!/bin/sh\necho "{said}" >&2; exit 1\n')
    machine = read_machine(source)
    assert machine.nvidia.fault == fault
    assert [note for note in machine.notes if said in note] == ([] if fault else list(machine.notes))
    choice = choose(machine)
    assert (choice.pip.row == "cpu-generic") == bool(fault)
    if fault:
        finding = explain(fault, None, in_wsl=False)
        assert f"{finding.remedy}; then ask again" in choice.remedies


def test_a_mismatch_that_nvidia_smi_tells_is_known_whatever_cuda_says(tmp_path):
    source = lay_out("nvidia_driver_mismatch", tmp_path)
    next((tmp_path / "programs/cuda_devices").iterdir()).write_text("#!/bin/sh\necho it is broken; exit 1\n")
    machine = read_machine(source)
    assert (machine.nvidia.fault, machine.notes) == ("mismatch", ())


@pytest.mark.parametrize("folder", ["opt/**x", "opt/a[bc] *", "opt/?"])
def test_paths_of_the_environment_are_no_patterns(tmp_path, folder):
    source = lay_out("rtx_3060_driver_550", tmp_path)
    for name in ("libmine.so.1", "vulkan/icd.d/shared.json", ".config/vulkan/icd.d/home.json", "named.json"):
        path = source.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    # What the second and the third would be patterns of.
    for other in ("ab x", "a"):
        (source.root / "opt" / other).mkdir()
        (source.root / "opt" / other / "libother.so.1").touch()
    environment = {"LD_LIBRARY_PATH": f"/{folder}", "XDG_DATA_DIRS": f"/{folder}", "HOME": f"/{folder}"}
    libraries = read_libraries(Source(source.root, environment, source.run, source.interpreter))
    assert "libmine.so.1" in libraries
    assert "libother.so.1" not in libraries
    found = {path.name for path in find_manifests(Files(source.root, environment))}
    assert {"shared.json", "home.json"} <= found
    added = {**environment, "VK_ADD_DRIVER_FILES": f"/{folder}/named.json"}
    assert {path.name for path in find_manifests(Files(source.root, added))} == {*found, "named.json"}
    for named in (f"/{folder}/named.json", f"/{folder}"):
        paths = find_manifests(Files(source.root, {"VK_DRIVER_FILES": named}))
        assert [path.name for path in paths] == ["named.json"]


def test_ctrl_c_ends_the_program_that_is_asked(program, monkeypatch):
    asked = []

    def interrupt(process, timeout):
        asked.append(process)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "communicate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_command([program("exec sleep 600")])
    (process,) = asked
    with process:
        assert process.wait(60) == -signal.SIGKILL


def test_this_python_knows_itself():
    python = ask_interpreter()
    assert python.version == ".".join(map(str, sys.version_info[:3]))
    assert (python.system, python.is_free_threaded) == ("Linux", False)
    assert python.libc.startswith("glibc 2.")
    assert python.has_ensurepip
    assert python.is_venv == (sys.prefix != sys.base_prefix)


@pytest.fixture
def ask_environment(tmp_path):
    """Make an environment whose path has a space in it, and return what its Python knows of itself."""
    folder = tmp_path / "an env"

    def ask(*, with_pip=False, path=""):
        venv.create(folder, symlinks=True, with_pip=with_pip)
        python = folder / "bin" / "python"
        program = Path(xllamacpp.select.__file__).parent
        environment = {**os.environ, "PATH": f"{path.format(folder)}:{os.environ['PATH']}"}
        command = [python, "-I", program, "--json"]
        done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=300)
        return json.loads(done.stdout)["machine"]["interpreter"], python

    return ask


def test_an_environments_python_is_called_by_its_path(ask_environment):
    known, python = ask_environment()
    assert (known["is_venv"], known["has_pip"], known["is_externally_managed"]) == (True, False, False)
    assert known["command"] == shlex.quote(str(python))


def test_an_active_environments_python_is_called_by_its_name(ask_environment):
    known, _ = ask_environment(with_pip=True, path="{}/bin")
    assert (known["is_venv"], known["has_pip"], known["command"]) == (True, True, "python")


@pytest.mark.parametrize("is_environment", [False, True])
def test_a_system_that_keeps_pip_out_is_known(monkeypatch, tmp_path, is_environment):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", "/an/environment" if is_environment else sys.base_prefix)
    assert not ask_interpreter().is_externally_managed
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    assert ask_interpreter().is_externally_managed == (not is_environment)


@pytest.mark.parametrize(
    ("name", "library", "said"),
    [
        ("cuda_devices", "libcuda.so.1", "libcuda.so.1, NVIDIA's driver, cannot be loaded"),
        ("vulkan_devices", "libvulkan.so.1", "libvulkan.so.1, Vulkan's loader, is missing"),
    ],
)
def test_the_programs_that_ask_drivers_answer_on_this_machine(name, library, said):
    answer = Source().ask_driver(name, "the driver")
    try:
        ctypes.CDLL(library)
    except OSError:
        assert answer.failure == f"the driver failed: {said}"
    else:
        assert answer.failure or answer.output.startswith("[")
