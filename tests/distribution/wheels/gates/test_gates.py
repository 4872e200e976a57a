"""The gates that a wheel passes before it is published: the real one passes, and what is wrong is found and told."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from doctored_wheels import (
    BUILD_INFO,
    CHECKOUT,
    LIBRARY,
    NEIGHBOUR,
    TARGET,
    Doctored,
    found_by,
    release_of,
    target_here,
    words,
)
from wheels import finished_wheel
from wheels.gates import archive, audits, clean_roots, libraries, naming, parts, reproducible
from wheels.gates.__main__ import GATES, main
from wheels.gates.gate import Finding, Rule, Target, run, table, write_report
from wheels.gates.wheel_file import WheelFile


@pytest.fixture(scope="module")
def small(finished):
    return Doctored.of(finished, LIBRARY, NEIGHBOUR, "xllamacpp/__init__.py")


@pytest.fixture
def doctored(small):
    return Doctored(small.name, dict(small.files))


def with_platform(tag):
    wheel = dataclasses.replace(TARGET.row.wheel, platform=tag)
    return Target(dataclasses.replace(TARGET.row, wheel=wheel), CHECKOUT)


def test_the_wheel_that_was_built_passes_once_it_is_finished(finished):
    others = [gate for gate in GATES if gate is not audits.PLATFORM]
    with WheelFile(finished) as wheel:
        # The build of a row stands on an older system than this machine is.
        verdicts = [*run(others, wheel, TARGET), *run([audits.PLATFORM], wheel, target_here())]
    assert not [verdict for verdict in verdicts if verdict.findings], table(verdicts)


def test_an_openssl_that_no_library_looks_for_is_compiled_in(doctored, tmp_path):
    # Those that look for it are left out of the small wheel.
    assert "does not list openssl" in words(found_by(parts.SBOM, doctored.write(tmp_path)))


def test_the_command_fails_and_says_why(finished, tmp_path):
    wrong = Doctored.of(finished)
    del wrong.files[f"{wrong.info}/licenses/miniaudio/LICENSE"]
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "wheels.gates", "cpu", wrong.write(tmp_path), "--json", report]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT / "distribution"), "PYTHONSAFEPATH": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 1, result.stderr
    assert re.search(r"^licences +FAILED", result.stdout, re.MULTILINE)
    assert "not to be published" in result.stdout
    said = json.loads(report.read_text(encoding="utf-8"))
    assert (said["row"], said["passed"]) == ("cpu-generic", False)
    assert {gate["gate"] for gate in said["gates"] if gate["findings"]} >= {"licences", "licence metadata"}


def licence(wheel, path, text=None):
    name = f"{wheel.info}/licenses/{path}"
    if text is None:
        del wheel.files[name]
    else:
        wheel.files[name] = text


def sbom(wheel, change):
    (name,) = (name for name in wheel.files if "/sboms/" in name)
    document = json.loads(wheel.files[name])
    change(document)
    wheel.files[name] = json.dumps(document).encode()


def part(document, name):
    return next(component for component in document["components"] if component["name"] == name)


def other_name(old, new):
    def change(wheel):
        wheel.name = wheel.name.replace(old, new)

    return change


def without_list(wheel):
    wheel.files = {name: content for name, content in wheel.files.items() if "/sboms/" not in name}


def edit(file, old, new):
    return lambda wheel: wheel.edit(f"{wheel.info}/{file}", old, new)


def stale_record(wheel):
    wheel.keep_record = f"{wheel.info}/RECORD,,\n{BUILD_INFO},sha256=AAAA,3\nxllamacpp/gone.py,sha256=AAAA,3\n".encode()


def with_file(name):
    return lambda wheel: wheel.files.update({name: b""})


def record(wheel, content):
    wheel.keep_record = content


BROKEN = {
    "tag": (
        naming.TAG,
        other_name("manylinux_2_31", "manylinux_2_17"),
        "the row cpu-generic's is cp311-abi3-manylinux_2_31",
    ),
    "tag inside": (naming.TAG, edit("WHEEL", "manylinux_2_31", "linux"), "has the tag cp311-abi3-linux_x86_64, unlike"),
    "label": (naming.TAG, other_name("+cpu-", "+cu124-"), "+cu124, and the row cpu-generic's is"),
    "name": (naming.TAG, other_name("xllamacpp-", "other-"), "is to be xllamacpp's"),
    "version": (naming.METADATA, edit("METADATA", "\nVersion: ", "\nVersion: 1"), "says version 1"),
    "dependency": (
        naming.METADATA,
        edit("METADATA", "Requires-Dist: rich>=13", "Requires-Dist: rich @ file:///rich.whl"),
        "is an address, which an index refuses",
    ),
    "description": (naming.METADATA, edit("METADATA", "text/markdown", "text/x-rst"), "has no description in Markdown"),
    "header": (
        naming.METADATA,
        edit("METADATA", "Requires-Python: >=3.11", "Requires-Python: some"),
        "see pyproject.toml",
    ),
    "expression": (
        naming.LICENCE_METADATA,
        edit("METADATA", "License-Expression: ", "License-Expression: Mine AND "),
        "is no SPDX expression",
    ),
    "licence file": (
        naming.LICENCE_METADATA,
        lambda wheel: licence(wheel, "llama.cpp/LICENSE"),
        "License-File: llama.cpp/LICENSE is not in the wheel",
    ),
    "another name": (naming.METADATA, edit("METADATA", "\nName: xllamacpp", "\nName: other"), "says Name other"),
    "another format": (
        naming.INSTALLATION,
        edit("WHEEL", "Wheel-Version: 1.0", "Wheel-Version: 9.0"),
        "says Wheel-Version: 9.0, and it is to be 1.0",
    ),
    "pure": (
        naming.INSTALLATION,
        edit("WHEEL", "Root-Is-Purelib: false", "Root-Is-Purelib: true"),
        "says Root-Is-Purelib: true, and it is to be false",
    ),
    "no command": (
        naming.INSTALLATION,
        lambda wheel: wheel.files.update({f"{wheel.info}/entry_points.txt": b""}),
        "xllamacpp = xllamacpp.__main__:main is missing",
    ),
    "another command": (
        naming.INSTALLATION,
        edit("entry_points.txt", "xllamacpp = ", "pip = other:main\nxllamacpp = "),
        "console_scripts: pip = other:main is not in project.scripts",
    ),
    "commands that cannot be read": (
        naming.INSTALLATION,
        edit("entry_points.txt", "[console_scripts]", "console_scripts"),
        "entry_points.txt: cannot be read",
    ),
    **{
        f"contents: {name}": (archive.CONTENTS, with_file(f"xllamacpp/{name}"), f"{name}: is not what the checkout")
        for name in ("a.pyx", "model.gguf", ".env", "tests/test_a.py", "x.rs", "lib/notes.txt", "other.so")
    },
    "a lost module": (
        archive.CONTENTS,
        lambda wheel: wheel.files.pop("xllamacpp/__init__.py"),
        "xllamacpp/__init__.py: is missing",
    ),
    "beside METADATA": (
        archive.CONTENTS,
        lambda wheel: wheel.files.update({f"{wheel.info}/notes.txt": b""}),
        "is no file of a wheel's metadata",
    ),
    "beside": (archive.CONTENTS, lambda wheel: wheel.files.update({"tests/a.py": b""}), "among other packages"),
    "outside": (
        archive.CONTENTS,
        lambda wheel: wheel.files.update({"xllamacpp/../../a": b""}),
        "leads out of the folder",
    ),
    "symlink": (archive.CONTENTS, lambda wheel: wheel.modes.update({LIBRARY: 0o120777}), "is a symlink"),
    "record": (archive.RECORD, stale_record, "is not what RECORD says"),
    "unrecorded": (archive.RECORD, stale_record, f"{LIBRARY}: is not in RECORD"),
    "recorded": (archive.RECORD, stale_record, "xllamacpp/gone.py: is in RECORD and not in the archive"),
    "short record": (
        archive.RECORD,
        lambda wheel: record(wheel, b"a.py,sha256=AAAA\n"),
        "has the line a.py,sha256=AAAA",
    ),
    "no record": (archive.RECORD, lambda wheel: record(wheel, b"\xff,,\n"), "RECORD: cannot be read"),
    "mode": (archive.PLAIN, lambda wheel: wheel.modes.update({LIBRARY: 0o100600}), "has the mode 100600"),
    "licence": (parts.LICENCES, lambda wheel: licence(wheel, "stb-image/LICENSE"), "and stb-image is compiled in"),
    "empty licence": (
        parts.LICENCES,
        lambda wheel: licence(wheel, "xxhash/LICENSE", b" \n"),
        "and xxhash is compiled in",
    ),
    "no licence": (
        parts.LICENCES,
        lambda wheel: licence(wheel, "xxhash/LICENSE", b"x"),
        "holds no text of BSD-2-Clause, which xxhash is under",
    ),
    "other licence of ours": (
        parts.LICENCES,
        lambda wheel: licence(wheel, "LICENSE", b"MIT"),
        "licenses/LICENSE: is not the checkout's",
    ),
    "own licence": (parts.LICENCES, lambda wheel: licence(wheel, "LICENSE"), "our own licence goes with every copy"),
    "no expression": (
        parts.LICENCES,
        lambda wheel: sbom(wheel, lambda document: part(document, "xxhash").pop("licenses")),
        "xxhash has no licence as an SPDX expression",
    ),
    "no list": (parts.SBOM, without_list, "holds 0 lists of parts"),
    "invalid list": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: document.update(components="none")),
        "is no CycloneDX 1.6",
    ),
    "incomplete list": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: document["components"].remove(part(document, "miniaudio"))),
        "does not list miniaudio",
    ),
    "unlisted headers": (
        parts.SBOM,
        lambda wheel: wheel.edit_build_info(backends=["cpu", "cuda"]),
        "does not list libcudacxx, which is compiled in",
    ),
    "other commit": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: part(document, "llama.cpp").update(version="0.5.0+beef")),
        "says llama.cpp 0.5.0+beef",
    ),
    "other version": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: part(document, "rotate-bits").update(version="1")),
        "says rotate-bits 1, which is to be like",
    ),
    "no version": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: part(document, "miniaudio").update(version="some")),
        "says miniaudio some, which is to be like",
    ),
    "no parts": (
        parts.SBOM,
        lambda wheel: sbom(wheel, lambda document: document.pop("components")),
        "not list llama.cpp",
    ),
    "no tools": (parts.PROVENANCE, lambda wheel: wheel.edit_build_info(tools={"ninja": "1"}), "no version of cython"),
    "an older wheel": (parts.PROVENANCE, lambda wheel: wheel.edit_build_info(tools=None), "tools: no version of cmake"),
    "other row": (
        parts.PROVENANCE,
        lambda wheel: wheel.edit_build_info(row="cuda-12.4"),
        "row is 'cuda-12.4', and for",
    ),
    "no revision": (parts.PROVENANCE, lambda wheel: wheel.edit_build_info(revision=None), "revision is None"),
    "other options": (parts.PROVENANCE, lambda wheel: wheel.edit_build_info(options={}), "XLLAMACPP_CPU is None"),
    "debug build": (parts.PROVENANCE, lambda wheel: wheel.edit_build_info(build_type="Debug"), "build_type is 'Debug'"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_is_found(doctored, tmp_path, fault):
    gate, doctor, expected = BROKEN[fault]
    before = words(run_one(gate, doctored.write(tmp_path)))
    assert expected not in before
    doctor(doctored)
    (tmp_path / "broken").mkdir()
    assert expected in words(run_one(gate, doctored.write(tmp_path / "broken")))


CUBLAS = "nvidia-cublas-cu12>=12.4,<13"
EXTRA_LOST = {
    "package": (f'Requires-Dist: {CUBLAS}; extra == "cuda"', "Platform: any", "cublas-cu12<13,>=12.4; .* is missing"),
    "versions": (CUBLAS, "nvidia-cublas-cu12", "cublas-cu12; .* is neither in pyproject.toml nor in wheel.extra"),
    "name": ("Provides-Extra: cuda", "Platform: any", "Provides-Extra: cuda is missing"),
}


@pytest.mark.parametrize("lost", EXTRA_LOST)
def test_an_extra_that_is_not_the_rows_is_found(doctored, tmp_path, lost):
    cuda = Target.of(CHECKOUT, "cuda-12.4")
    path = finished_wheel.finish(doctored.write(tmp_path), release_of(cuda), [])
    assert not [*found_by(naming.METADATA, path, cuda)]
    # The same wheel is not right for a row without an extra.
    assert "Provides-Extra: cuda is not wheel.extra of the row vulkan" in words(
        found_by(naming.METADATA, path, Target.of(CHECKOUT, "vulkan"))
    )
    old, new, said = EXTRA_LOST[lost]
    wrong = Doctored.of(path)
    wrong.edit(f"{wrong.info}/METADATA", old, new)
    assert re.search(said, words(found_by(naming.METADATA, wrong.write(tmp_path), cuda)))


def run_one(gate, path):
    with WheelFile(path) as wheel:
        return run([gate], wheel, TARGET)[0].findings


def test_a_crate_of_another_version_is_found(doctored, tmp_path):
    if not json.loads(doctored.files[BUILD_INFO])["llguidance"]:
        pytest.skip("this build has no LLGuidance")
    sbom(doctored, lambda document: part(document, "toktrie").update(version="0.0.1"))
    assert "the crate toktrie 0.0.1, unlike Cargo.lock" in words(found_by(parts.SBOM, doctored.write(tmp_path)))


def test_crates_that_are_not_listed_are_found(doctored, tmp_path):
    if not json.loads(doctored.files[BUILD_INFO])["llguidance"]:
        pytest.skip("this build has no LLGuidance")

    def without_crates(document):
        document["components"] = [each for each in document["components"] if "pkg:cargo/" not in each["purl"]]

    sbom(doctored, without_crates)
    found = words(found_by(parts.SBOM, doctored.write(tmp_path)))
    assert "does not list the crate llguidance" in found
    assert "does not list the crate memchr" in found
    # It builds others, and is not linked.
    assert "proc-macro2" not in found


UNREADABLE = {
    "no modules": (lambda info: info.pop("modules"), "modules is missing"),
    "no backends": (lambda info: info.pop("backends"), "backends is missing"),
    "odd options": (lambda info: info.update(options=[]), "options is []"),
    "no word on llguidance": (lambda info: info.pop("llguidance"), "llguidance is missing"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_build_info_that_lacks_something_is_told(doctored, tmp_path, fault):
    change, expected = UNREADABLE[fault]
    info = json.loads(doctored.files[BUILD_INFO])
    change(info)
    doctored.files[BUILD_INFO] = json.dumps(info).encode()
    for gate in (libraries.SONAMES, parts.SBOM, parts.PROVENANCE):
        assert f"build_info.json: {expected}: see" in words(run_one(gate, doctored.write(tmp_path)))


def test_a_build_info_that_is_a_list_is_told(doctored, tmp_path):
    doctored.files[BUILD_INFO] = b"[]"
    for gate in (libraries.SONAMES, parts.SBOM, parts.PROVENANCE):
        assert "is no JSON object but list" in words(run_one(gate, doctored.write(tmp_path)))


def test_a_gate_that_ends_in_an_error_fails_and_the_others_go_on(doctored, tmp_path):
    gate = Rule("some", "why", lambda wheel, target: [] + {}["gone"])
    with WheelFile(doctored.write(tmp_path)) as wheel:
        verdicts = run([gate, archive.RECORD], wheel, TARGET)
    assert [verdict.failed for verdict in verdicts] == [True, False]
    assert re.search(r"could not be looked at: KeyError \('gone'\) in test_gates\.py:\d+", table(verdicts))


def test_where_git_knows_no_checkout_it_is_told(doctored, tmp_path):
    (tmp_path / "pyproject.toml").write_bytes((CHECKOUT / "pyproject.toml").read_bytes())
    target = Target(TARGET.row, tmp_path)
    with WheelFile(doctored.write(tmp_path)) as wheel:
        (verdict,) = run([archive.CONTENTS], wheel, target)
    assert "git does not tell its files" in table([verdict])


def test_a_wheel_is_not_compared_with_itself(doctored, tmp_path):
    path = doctored.write(tmp_path)
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / path.name
    link.hardlink_to(path)
    answer = CliRunner().invoke(main, ["cpu", str(path), "--against", str(link)])
    assert answer.exit_code == 2
    assert "is the wheel itself: give another build" in answer.output


def test_a_fat_wheel_is_found_with_what_makes_it_fat(doctored, tmp_path):
    doctored.files["xllamacpp/lib/libfat.so"] = random.Random(0).randbytes(1_200_000)
    path = doctored.write(tmp_path)
    assert not [*found_by(archive.SIZE, path)]
    row = TARGET.row
    small = Target(dataclasses.replace(row, wheel=dataclasses.replace(row.wheel, max_mb=1)), CHECKOUT)
    assert re.search(
        r"wheel\.max_mb of the row cpu-generic is 1\..*libfat\.so 1\.2", words(found_by(archive.SIZE, path, small))
    )


def test_a_file_that_is_no_wheel_is_told(tmp_path):
    (tmp_path / "a.whl").write_text("no archive")
    with pytest.raises(Exception, match="cannot be read as a wheel"):
        WheelFile(tmp_path / "a.whl")


def test_a_gate_that_cannot_read_something_fails_and_the_others_go_on(doctored, tmp_path):
    doctored.files[BUILD_INFO] = b"{"
    with WheelFile(doctored.write(tmp_path)) as wheel:
        verdicts = run([parts.PROVENANCE, archive.RECORD], wheel, TARGET)
    assert [verdict.failed for verdict in verdicts] == [True, False]
    assert "is no JSON" in table(verdicts)


def test_a_note_does_not_fail_and_is_told(doctored, tmp_path):
    gate = Rule("some", "why", lambda wheel, target: [Finding("Debian 11", "not tried: none", note=True)])
    with WheelFile(doctored.write(tmp_path)) as wheel:
        (verdict,) = run([gate], wheel, TARGET)
        write_report(tmp_path / "report.json", wheel, TARGET, [verdict])
    assert not verdict.failed
    assert "partly" in table([verdict])
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["passed"]


def test_a_newer_c_library_than_the_tag_says_is_found(doctored, tmp_path):
    old = with_platform("manylinux_2_5_x86_64")
    found = words(found_by(audits.PLATFORM, doctored.write(tmp_path), old))
    assert re.search(r"needs manylinux_2_\d+_x86_64, and wheel\.platform .* is manylinux_2_5_x86_64", found)


def test_the_documentation_has_each_gate():
    every = [
        *((gate.name, gate.why) for gate in GATES),
        *((kind.NAME, kind.WHY) for kind in (reproducible, clean_roots)),
    ]
    text = (CHECKOUT / "docs" / "wheel_check.md").read_text(encoding="utf-8")
    assert [f"| {name} | {why} |" for name, why in every if f"| {name} | {why} |" not in text] == []
