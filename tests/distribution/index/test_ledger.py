"""The ledger of released files: what it refuses, by record and key, and that it only grows."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from pathlib import Path

import pytest

import matrix
from index import continuation, ledger_changes, ledger_file, wheel_file
from index.ledger import Dependency, Ledger, LedgerError, ReleasedFile, VariantFile
from wheel_copies import make_wheel

CHECKOUT = Path(__file__).resolve().parents[3]
MATRIX = matrix.load(CHECKOUT)
NOW = "2026-11-26T10:00:00Z"
TAGS = "cp311-abi3-manylinux_2_35_x86_64"
FOLDER_URL = "https://files.example/v1"
PYTHON = ["Requires-Python: >=3.11", "Requires-Dist: click>=8.1"]

RELEASED = ReleasedFile(
    file=f"xllamacpp-2026.11.0+cu124-{TAGS}.whl",
    url=f"{FOLDER_URL}/xllamacpp-2026.11.0%2Bcu124-{TAGS}.whl",
    sha256="a" * 64,
    size=1000,
    upload_time=NOW,
    requires_python=">=3.11",
    metadata_sha256="b" * 64,
    row="cuda-12.4",
    folders=("cu124",),
    pythons=("3.11", "3.14"),
)
CLICK = Dependency("click-8.5.1-py3-none-any.whl", f"{FOLDER_URL}/click-8.5.1-py3-none-any.whl", "c" * 64, 10, NOW)
COPY = VariantFile(
    **{
        **dataclasses.asdict(RELEASED),
        "file": f"xllamacpp-2026.11.0+variants-{TAGS}-cu124.whl",
        "url": f"{FOLDER_URL}/xllamacpp-2026.11.0%2Bvariants-{TAGS}-cu124.whl",
        "folders": ("variants",),
    },
    copy_of=RELEASED.file,
    variant="cu124",
    properties=("nvidia :: cuda_version_lower_bound :: 12.4",),
)
LEDGER = Ledger(files=(RELEASED,), dependencies=(CLICK,), variants=(COPY,))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.json"


def test_what_is_written_is_read_again(path):
    ledger_file.save(path, LEDGER)
    assert ledger_file.load(path, MATRIX) == LEDGER
    with pytest.raises(dataclasses.FrozenInstanceError):
        LEDGER.files[0].yanks = ("later",)


OTHER = "https://files.example/v1/other.whl"

# The list, the key, the value that is put there, the key that is named, and what is said.
MISTAKES = [
    ("files", "size", "1000", "files[0].size", "it has to be a whole number"),
    ("files", "yanks", False, "files[0].yanks", "it has to be a list"),
    ("files", "rwo", "cpu", "files[0].rwo", "Did you mean row?"),
    ("files", "file", "xllamacpp.zip", "file", "is no name of a wheel"),
    ("files", "file", f"other-2026.11.0+cu124-{TAGS}.whl", "file", "released are files of xllamacpp"),
    ("files", "file", f"xllamacpp-2026.11.0-{TAGS}.whl", "file", "has no local label: it has its row's"),
    ("files", "file", f"xllamacpp-2026.11.0+variants-{TAGS}.whl", "file", "has the label variants: it has its row's"),
    ("files", "file", f"xllamacpp-1.2.3+cu124-{TAGS}.whl", "file", "has to be the year, the month and a number"),
    ("files", "file", f"xllamacpp-2026.13.0+cu124-{TAGS}.whl", "file", "has to be the year, the month and a number"),
    ("files", "url", "http://files.example/v1/x.whl", "url", "it has to be an https URL"),
    ("files", "url", "v1/x.whl", "url", "it has to be an https URL"),
    ("files", "url", "https:///x.whl", "url", "it has to be an https URL"),
    ("files", "url", "http://127.0.0.1:80/x.whl", "url", "on this machine"),
    ("files", "url", "file:///x.whl", "url", "on this machine"),
    ("files", "url", RELEASED.url + "?token=1", "url", "without a query"),
    ("files", "url", RELEASED.url + "#sha256=1", "url", "without a query, a fragment"),
    ("files", "url", RELEASED.url.replace("//", "//user@"), "url", "without a query, a fragment and a user"),
    ("files", "url", OTHER, "url", "it has to end with the file's name"),
    ("files", "url", "https://[bad", "url", "which is no URL"),
    ("files", "url", "https://files.example:abc/x.whl", "url", "which is no URL"),
    ("files", "url", "https://files example/x.whl", "url", "characters that a URL may not have"),
    ("files", "url", 'https://files.example/"><script>/x.whl', "url", "characters that a URL may not have"),
    ("files", "url", RELEASED.url + "\n", "url", "characters that a URL may not have"),
    ("files", "url", "https://[::1]/x.whl", "url", "characters that a URL may not have"),
    ("files", "url", "https://@files.example/x.whl", "url", "without a query, a fragment and a user"),
    ("files", "url", RELEASED.url + "?", "url", "without a query"),
    ("files", "file", RELEASED.file.replace(".whl", "\nother.whl"), "file", "letters, digits"),
    ("files", "sha256", "A" * 64, "sha256", "64 hexadecimal digits"),
    ("files", "sha256", "a" * 65, "sha256", "64 hexadecimal digits"),
    ("files", "metadata_sha256", "b" * 63, "metadata_sha256", "64 hexadecimal digits"),
    ("files", "size", 0, "size", "is 0: a number of bytes"),
    ("files", "upload_time", "2026-11-26 10:00", "upload_time", "a time in UTC, as 2026-11-26T10:00:00Z"),
    ("files", "upload_time", "2026-1-2T3:4:5Z", "upload_time", "a time in UTC, as 2026-11-26T10:00:00Z"),
    ("files", "requires_python", "3.11 or newer", "requires_python", "Invalid specifier"),
    ("files", "requires_dist", ["click >= "], "requires_dist", "has 'click >= '"),
    ("files", "folders", [], "folders", "are none: the names of the index's folders"),
    ("files", "folders", ["cu124", "../cu124"], "folders", "has '../cu124': small letters and digits"),
    ("files", "folders", ["variants"], "folders", "and not variants"),
    ("files", "pythons", [], "pythons", "are none: its METADATA names them"),
    ("files", "pythons", ["3"], "pythons", "are 3: its METADATA names them"),
    ("files", "yanks", [" "], "yanks", "has an empty reason: say why"),
    ("files", "yanks", ["one\x7f", None], "yanks", "has 'one\\x7f': one line of plain text"),
    ("files", "yanks", ["\ud800"], "yanks", "has '\\ud800': one line of plain text"),
    ("dependencies", "yanks", ["a\u2028b"], "yanks", "has 'a\\u2028b': one line of plain text"),
    ("files", "provenance", "here", "provenance", "it has to be an https URL"),
    ("variants", "file", f"xllamacpp-2026.11.0+cu124-{TAGS}-cu124.whl", "file", "variants are 2026.11.0+variants"),
    ("variants", "copy_of", "other.whl", "copy_of", "which is not among the files"),
    ("variants", "row", "cuda-12.8", "row", ".whl is 2026.11.0 of cuda-12.4"),
    ("variants", "yanks", ["wrong"], "yanks", "a copy is as good as its wheel"),
    ("variants", "folders", ["cu124"], "folders", "are cu124: variants are in variants"),
    ("variants", "properties", [], "properties", "are what a variant with a name has"),
    ("variants", "properties", ["nvidia::a::1"], "properties", "has 'nvidia::a::1': namespace :: feature :: value"),
    ("dependencies", "file", "xllamacpp-9-py3-none-any.whl", "file", "what is ours is under files"),
    ("dependencies", "upload_time", "yesterday", "upload_time", "a time in UTC"),
    ("dependencies", "requires_python", "new", "requires_python", "Invalid specifier"),
    ("dependencies", "sha256", "", "sha256", "64 hexadecimal digits"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{where}-{key}-{n}" for n, (where, key, *_) in enumerate(MISTAKES)])
def test_a_mistake_is_named_by_its_record_and_key(path, mistake):
    where, key, value, named, said = mistake
    text = json.loads(ledger_file.render(LEDGER))
    text[where][0][key] = value
    path.write_text(json.dumps(text, indent=2))
    with pytest.raises(LedgerError) as caught:
        ledger_file.load(path, MATRIX)
    (line,) = [line for line in str(caught.value).splitlines() if said in line]
    assert line.startswith("ledger.json:")
    assert f"{where}[0]" in line
    assert named in line
    number = int(line.split(":")[1])
    assert f'"{key}"' in path.read_text().splitlines()[number - 1]


def test_a_key_that_is_missing_or_there_twice_is_named(path):
    text = ledger_file.render(LEDGER)
    path.write_text(text.replace('      "size": 1000,\n', ""))
    with pytest.raises(LedgerError, match=r"ledger\.json:\d+: files\[0\]\.size is missing"):
        ledger_file.load(path, MATRIX)
    path.write_text(text.replace('      "size": 1000,\n', '      "size": 1000,\n      "size": 1001,\n'))
    with pytest.raises(LedgerError, match=r'ledger\.json:\d+: found duplicate key "size"'):
        ledger_file.load(path, MATRIX)
    with pytest.raises(LedgerError, match=r"ledger\.json is not in"):
        ledger_file.load(path.parent / "other" / path.name, MATRIX)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff{}", "ledger.json is not UTF-8 at byte 0"),
        (b'{\n"files": [}', "ledger.json:2: it is no JSON"),
        (b"schema: 1\n", "ledger.json:1: it is no JSON"),
        (b"", "ledger.json:1: it is no JSON"),
        (b'\n["files"]', "ledger.json: it holds no keys"),
        (b"[" * 100_000, "ledger.json cannot be read"),
        (b'{"schema": ' + b"1" * 5000 + b"}", "ledger.json cannot be read"),
        (b'{"files": 1.0}', "ledger.json:1: files is 1.0: it has to be a list"),
    ],
    ids=range(8),
)
def test_a_file_that_is_no_ledger_is_refused(path, content, said):
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=said):
        ledger_file.load(path, MATRIX)


def test_a_folder_is_no_ledger(path):
    path.mkdir()
    with pytest.raises(LedgerError, match=r"ledger\.json cannot be read: Is a directory"):
        ledger_file.load(path, MATRIX)


# What YAML reads as something else, or not at all.
@pytest.mark.parametrize("text", ["naïve 🦙", "\ufffe", "1\u00a0GB", 'a "b" \\ / <c>'])
def test_a_reason_is_read_as_it_was_written(path, text):
    ledger = Ledger(files=(dataclasses.replace(RELEASED, yanks=(text, None)),))
    ledger_file.save(path, ledger)
    assert path.read_bytes().isascii()
    assert ledger_file.load(path, MATRIX) == ledger


def test_a_file_is_released_once(path):
    ledger_file.save(path, Ledger(files=(RELEASED, dataclasses.replace(RELEASED, sha256="d" * 64))))
    with pytest.raises(LedgerError, match=r"files\[1\] \(xllamacpp-.*\): file: is there twice"):
        ledger_file.load(path, MATRIX)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "file:///srv/wheels/"])
def test_files_on_this_machine_are_taken_where_that_is_wanted(path, url):
    ledger_file.save(
        path, Ledger(files=(dataclasses.replace(RELEASED, url=RELEASED.url.replace(f"{FOLDER_URL}/", url)),))
    )
    assert ledger_file.load(path, MATRIX, local_urls=True).files[0].url.startswith(url)
    with pytest.raises(LedgerError, match="--local-urls takes it"):
        ledger_file.load(path, MATRIX)


def test_a_run_that_fails_leaves_the_file_as_it_was(path, monkeypatch):
    ledger_file.save(path, LEDGER)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        ledger_file.save(path, Ledger())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# What changes it


def wheel(folder, version="2026.11.0+cu124", tags=TAGS, **given):
    return wheel_file.read(make_wheel(folder, "xllamacpp", version, tags=tags, metadata=PYTHON, **given))


def add(ledger, found, row="cuda-12.4"):
    return ledger_changes.add(ledger, MATRIX, found, row, FOLDER_URL, NOW)


def test_a_wheel_is_recorded_as_it_is(tmp_path):
    found = wheel(tmp_path)
    (record,) = add(Ledger(), found, row="cuda-12.4").files
    assert record.url == f"{FOLDER_URL}/xllamacpp-2026.11.0%2Bcu124-{TAGS}.whl"
    assert record.size == found.path.stat().st_size
    assert (record.requires_python, record.row, record.upload_time) == (">=3.11", "cuda-12.4", NOW)
    assert record.requires_dist == ("click>=8.1",)
    assert (record.folders, record.pythons) == (("cu124",), ("3.11",))
    found.write_metadata()
    beside = Path(f"{found.path}.metadata").read_bytes()
    assert beside.startswith(b"Metadata-Version: 2.4\nName: xllamacpp\nVersion: 2026.11.0+cu124\n")
    assert record.metadata_sha256 == found.metadata_sha256


def test_the_same_wheel_again_changes_nothing_and_another_one_is_refused(tmp_path):
    first = wheel(tmp_path / "first")
    ledger = add(Ledger(), first)
    assert add(ledger, wheel(tmp_path / "second")) == ledger
    other = wheel_file.read(
        make_wheel(tmp_path / "other", "xllamacpp", "2026.11.0+cu124", tags=TAGS, metadata=[*PYTHON, "Summary: other"])
    )
    with pytest.raises(
        LedgerError, match=rf"is released, with the hash {first.sha256}; .* give the new build a build tag"
    ):
        add(ledger, other)
    rebuilt = add(ledger, wheel(tmp_path, build="1"))
    assert [record.file for record in rebuilt.files] == [first.path.name, f"xllamacpp-2026.11.0+cu124-1-{TAGS}.whl"]


@pytest.mark.parametrize(
    ("given", "row", "said"),
    [
        ({"version": "2026.11.0"}, "cuda-12.4", "has no local label: wheels of the row cuda-12.4 are 2026.11.0+cu124"),
        ({}, "cuda", "has the label cu124: wheels of the row cuda-12.8 are 2026.11.0+cu128"),
        ({"version": "2026.11.0+native"}, "cpu-native", "whose wheels are not published"),
        ({"version": "1.0+cu124"}, "cuda-12.4", "the year, the month and a number"),
        (
            {"tags": "cp311-abi3-linux_x86_64"},
            "cuda-12.4",
            "is for linux_x86_64: the row cuda-12.4 ships manylinux_2_35",
        ),
        ({"tags": "cp311-abi3-manylinux_2_36_x86_64"}, "cuda-12.4", "ships manylinux_2_35_x86_64 or older"),
        ({}, "cuda-12.5", "there is no row cuda-12.5"),
    ],
)
def test_a_wheel_that_must_not_be_released_is_refused(tmp_path, given, row, said):
    with pytest.raises((LedgerError, matrix.MatrixError)) as caught:
        add(Ledger(), wheel(tmp_path, **given), row)
    assert said in str(caught.value)


def test_a_wheel_that_is_too_large_is_refused(tmp_path):
    found = dataclasses.replace(wheel(tmp_path), size=600_000_001)
    with pytest.raises(LedgerError, match=r"has 600\.0 MB: the row cuda-12\.4 may have 600"):
        add(Ledger(), found)


def test_a_file_that_is_no_wheel_is_refused(tmp_path):
    made = make_wheel(tmp_path, "xllamacpp", "2026.11.0+cu124", tags=TAGS, metadata=PYTHON)
    renamed = made.rename(tmp_path / made.name.replace("11.0", "11.1"))
    cases = {
        tmp_path / f"xllamacpp-9-{TAGS}.whl": "cannot be read: No such file",
        tmp_path / "xllamacpp.whl": "is no name of a wheel",
        renamed: r"is xllamacpp 2026\.11\.0\+cu124 by its METADATA",
        make_wheel(tmp_path, "xllamacpp", "1.0"): "has no Requires-Python",
        make_wheel(tmp_path, "xllamacpp", "2.0", metadata=["Requires-Python: new"]): "its METADATA is not right",
    }
    broken = tmp_path / f"xllamacpp-8-{TAGS}.whl"
    broken.write_bytes(made.read_bytes()[:100] if made.exists() else b"PK")
    for path, said in {**cases, broken: "is no wheel, or it is damaged"}.items():
        with pytest.raises(LedgerError, match=said):
            wheel_file.read(path)


def test_yanking_and_taking_it_back(tmp_path):
    ledger = Ledger()
    for label, row in (("cu124", "cuda-12.4"), ("cu128", "cuda-12.8")):
        for version in ("2026.11.0", "2026.11.1"):
            ledger = add(ledger, wheel(tmp_path, version=f"{version}+{label}"), row)

    def yanked(found):
        return [str(record.version) for record in found.files if record.yanked == "wrong"]

    assert yanked(yank(ledger, "2026.11.0", "wrong")) == ["2026.11.0+cu124", "2026.11.0+cu128"]
    assert yanked(yank(ledger, "2026.11.0+cu128", "wrong")) == ["2026.11.0+cu128"]
    assert yanked(yank(ledger, "xllamacpp==2026.11.0+cu128", "wrong")) == ["2026.11.0+cu128"]
    one = yank(ledger, ledger.files[1].file, "wrong")
    assert yanked(one) == ["2026.11.1+cu124"]
    back = yank(one, "2026.11.1", None)
    assert yanked(back) == []
    # Of those that were not yanked nothing was taken back.
    assert [record.yanks for record in back.files] == [(), ("wrong", None), (), ()]
    assert yank(back, "2026.11.1", None) == back
    with pytest.raises(
        LedgerError, match=r"no file or version 2026\.12\.0 is released. Versions: 2026\.11\.0\+cu124, "
    ):
        yank(ledger, "2026.12.0", "wrong")
    with pytest.raises(LedgerError, match="the reason is empty"):
        yank(ledger, "2026.11.0", " ")
    for reason in ("one\ntwo", "\x90", "a\u0085b", "\u202e"):
        with pytest.raises(LedgerError, match="one line of plain text"):
            yank(ledger, "2026.11.0", reason)


def test_what_the_wheels_depend_on_is_yanked_by_its_projects_name():
    for name in ("click==8.5.1", "Click==8.5.1", CLICK.file):
        yanked = yank(LEDGER, name, "wrong")
        assert [record.yanked for record in yanked.dependencies] == ["wrong"]
        assert (yanked.files, yanked.variants) == (LEDGER.files, LEDGER.variants)
        assert yank(yanked, name, None).dependencies[0].yanks == ("wrong", None)
    for name in ("8.5.1", "click==8.5", "rich==8.5.1"):
        with pytest.raises(LedgerError, match="of another project it is PROJECT==VERSION"):
            yank(LEDGER, name, "wrong")


def yank(ledger, name, reason):
    return ledger_changes.yank(ledger, MATRIX, name, reason)


def copy(old="", new="", **given):
    """The variant with a part of its name replaced, and other keys."""
    name = COPY.file.replace(old, new)
    return dataclasses.replace(COPY, file=name, url=f"{FOLDER_URL}/{name}".replace("+", "%2B"), **given)


def test_a_variants_name_means_one_thing_in_a_version(path):
    other = copy("-cp311", "-1-cp311", properties=("nvidia :: sm_arch :: 86",))
    ledger_file.save(path, dataclasses.replace(LEDGER, variants=(COPY, other)))
    with pytest.raises(LedgerError, match=r"variants\[1\] .*: are others than those of the first cu124 of 2026\.11\.0"):
        ledger_file.load(path, MATRIX)


def test_a_variants_name_may_mean_another_thing_in_another_version(path):
    file = RELEASED.file.replace("11.0", "11.1")
    newer = dataclasses.replace(RELEASED, file=file, url=f"{FOLDER_URL}/{file}".replace("+", "%2B"))
    other = copy("11.0", "11.1", copy_of=file, properties=("nvidia :: sm_arch :: 86",))
    ledger = dataclasses.replace(LEDGER, files=(RELEASED, newer), variants=(COPY, other))
    ledger_file.save(path, ledger)
    assert ledger_file.load(path, MATRIX) == ledger


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        (copy("-cu124", variant=None), "properties: are what a variant with a name has, and no other"),
        (copy("-cu124", "-null", variant="null"), "variant: is 'null': 1 to 16 small letters, .* and not null"),
        (copy("-cu124", "-CU124", variant="CU124"), "variant: is 'CU124': 1 to 16 small letters"),
        (copy("-cu124", f"-{'a' * 17}", variant="a" * 17), "variant: is 'a+': 1 to 16 small letters"),
        (copy("-cu124", variant=""), "variant: is '': 1 to 16 small letters"),
        (copy("11.0", "11.1"), r"row: is cuda-12\.4: .*\.whl is 2026\.11\.0 of cuda-12\.4"),
    ],
)
def test_a_variant_that_is_not_its_wheels_copy_is_told(path, variant, said):
    ledger_file.save(path, dataclasses.replace(LEDGER, variants=(variant,)))
    with pytest.raises(LedgerError, match=rf"variants\[0\] .*: {said}"):
        ledger_file.load(path, MATRIX)


def test_a_yank_is_of_the_copies_too():
    yanked = yank(LEDGER, "2026.11.0+cu124", "wrong")
    assert [record.yanked for record in (*yanked.files, *yanked.variants)] == ["wrong", "wrong"]
    back = yank(yanked, "2026.11.0", None)
    assert [record.yanks for record in (*back.files, *back.variants)] == [("wrong", None)] * 2


LOCK = f"""
lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "click"
version = "8.5.1"

[[packages.wheels]]
url = "https://files.example/click-8.5.1-py3-none-any.whl"
upload-time = 2026-11-06T17:36:59Z
size = 10
hashes.sha256 = "{"c" * 64}"

[[packages]]
name = "hf-xet"
version = "1.8.0"

[[packages.wheels]]
url = "https://files.example/hf_xet-1.8.0-cp38-abi3-macosx_11_0_arm64.whl"
size = 11
hashes.sha256 = "{"d" * 64}"

[[packages.wheels]]
url = "https://files.example/hf_xet-1.8.0-cp38-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"
size = 12
hashes.sha256 = "{"e" * 64}"
"""


OURS = Ledger(files=(RELEASED,))


def locked(tmp_path, text, ledger=OURS):
    lock = tmp_path / "pylock.toml"
    lock.write_text(text)
    return ledger_changes.depend(ledger, MATRIX, lock)


def test_a_lock_file_says_what_the_wheels_depend_on(tmp_path):
    lock = tmp_path / "pylock.toml"
    lock.write_text(LOCK)
    ledger = ledger_changes.depend(OURS, MATRIX, lock)
    assert [(record.project, record.size, record.upload_time) for record in ledger.dependencies] == [
        ("click", 10, "2026-11-06T17:36:59Z"),
        ("hf-xet", 12, None),
    ]
    assert ledger_changes.depend(ledger, MATRIX, lock) == ledger


def test_a_lock_file_that_asks_for_what_is_yanked_is_refused(tmp_path):
    ledger = yank(locked(tmp_path, LOCK), "hf-xet==1.8.0", "wrong")
    with pytest.raises(
        LedgerError, match=r"hf-xet has no wheel for .* that is not yanked: another version may have one"
    ):
        locked(tmp_path, LOCK, ledger)


def test_a_file_that_lies_elsewhere_now_is_found_there(tmp_path):
    ledger = yank(yank(locked(tmp_path, LOCK), "click==8.5.1", "wrong"), "click==8.5.1", None)
    moved = locked(tmp_path, LOCK.replace("files.example/click", "other.example/click"), ledger)
    assert moved.dependencies[0].url == "https://other.example/click-8.5.1-py3-none-any.whl"
    assert moved.dependencies[0].yanks == ("wrong", None)
    assert moved.dependencies[1:] == ledger.dependencies[1:]
    assert list(continuation.broken(ledger, moved)) == []


@pytest.mark.parametrize(
    "marker", ["sys_platform == 'win32'", "python_version < '3.11'", "platform_machine == 'arm64'"]
)
def test_what_no_machine_of_ours_needs_is_left_out(tmp_path, marker):
    text = LOCK.replace("manylinux2014_x86_64.manylinux_2_17_x86_64", "win_amd64")
    text = text.replace('version = "1.8.0"', f'version = "1.8.0"\nmarker = "{marker}"')
    assert [record.project for record in locked(tmp_path, text).dependencies] == ["click"]


def test_which_pythons_a_dependency_is_for_is_recorded_where_the_lock_says_it(tmp_path):
    text = LOCK.replace('version = "8.5.1"', 'version = "8.5.1"\nrequires-python = ">=3.10"')
    found = {record.project: record.requires_python for record in locked(tmp_path, text).dependencies}
    assert found == {"click": ">=3.10", "hf-xet": None}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("cp38-abi3-manylinux_2_36_x86_64", "hf-xet has no wheel for x86-64 Linux with CPython 3.11 and glibc 2.35"),
        ("cp312-abi3-manylinux_2_28_x86_64", "hf-xet has no wheel for x86-64 Linux with CPython 3.11 and glibc 2.35"),
        ("cp311-cp311-manylinux_2_28_x86_64", "hf-xet has no wheel for x86-64 Linux with CPython 3.14"),
        ("cp314-cp314t-manylinux_2_28_x86_64", "hf-xet has no wheel for x86-64 Linux with CPython 3.11"),
        ("cp38-abi3-musllinux_1_2_x86_64", "hf-xet has no wheel for x86-64 Linux with CPython 3.11"),
    ],
)
def test_a_lock_file_has_a_wheel_for_each_machine_that_ours_are_for(tmp_path, tags, said):
    text = LOCK.replace("cp38-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64", tags)
    with pytest.raises(LedgerError, match=said):
        locked(tmp_path, text)
    # Of a Python that the lock is not for nothing is asked.
    if tags.startswith("cp312"):
        assert locked(tmp_path, text.replace("created-by", 'requires-python = ">=3.12"\ncreated-by', 1))


def test_a_lock_file_is_for_wheels_that_are_recorded(tmp_path):
    for ledger in (Ledger(), yank(OURS, "2026.11.0", "wrong")):
        with pytest.raises(LedgerError, match=r"is for no wheel of the ledger: record those first"):
            locked(tmp_path, LOCK, ledger)
    with pytest.raises(LedgerError, match=r"is for no wheel of the ledger"):
        locked(tmp_path, LOCK.replace("created-by", 'requires-python = ">=3.15"\ncreated-by', 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lock-version", "lock-vresion", "is no lock file"),
        ("created-by = ", "created-by", "is no lock file"),
        ('version = "8.5.1"', 'version = "8.5.1"\nmarker = "nothing"', "is no lock file"),
        ("size = 10\n", "", "click-8.5.1-py3-none-any.whl lacks its url, size or sha256"),
        ("manylinux2014_x86_64.manylinux_2_17_x86_64", "win_amd64", "hf-xet has no wheel for x86-64 Linux"),
        ("c" * 64, "f" * 64, f"has the hash {'f' * 64}, recorded is {'c' * 64}"),
        ("https://files.example/click", "http://files.example/click", "it has to be an https URL"),
    ],
)
def test_a_lock_file_that_does_not_do_is_refused(tmp_path, old, new, said):
    assert old in LOCK
    known = dataclasses.replace(OURS, dependencies=(CLICK,) if new == "f" * 64 else ())
    with pytest.raises(LedgerError) as caught:
        locked(tmp_path, LOCK.replace(old, new), known)
    assert said in str(caught.value)


def test_a_lock_file_that_is_no_text_is_refused(tmp_path):
    lock = tmp_path / "pylock.toml"
    lock.write_bytes(b"\xff")
    with pytest.raises(LedgerError, match="is no lock file"):
        ledger_changes.depend(OURS, MATRIX, lock)


# What a newer one keeps


def with_file(**given):
    return dataclasses.replace(LEDGER, files=(dataclasses.replace(RELEASED, **given),))


YANKED = with_file(yanks=("wrong",))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (LEDGER, Ledger(files=(RELEASED,), dependencies=(CLICK,)), f"{COPY.file} is not among its variants"),
        (LEDGER, dataclasses.replace(LEDGER, dependencies=()), f"{CLICK.file} is not among its dependencies"),
        (LEDGER, with_file(sha256="d" * 64), f"{RELEASED.file}: sha256 was 'a+' and is 'd+'"),
        (LEDGER, with_file(url=OTHER), f"{RELEASED.file}: url was '.*' and is '{OTHER}'"),
        (LEDGER, with_file(metadata_sha256="d" * 64), "metadata_sha256 was"),
        (LEDGER, with_file(requires_python=">=3.12"), "requires_python was '>=3.11' and is '>=3.12'"),
        (LEDGER, with_file(folders=("cu128",)), "folders was"),
        (YANKED, LEDGER, r"yanks were \['wrong'\] and are \[\] \(`unyank` adds to them\)"),
        (YANKED, with_file(yanks=("other",)), "yanks were"),
        (YANKED, with_file(yanks=(None,)), "yanks were"),
    ],
    ids=range(10),
)
def test_where_a_ledger_is_not_the_older_one_continued_is_said(old, new, said):
    (line,) = continuation.broken(old, new)
    assert re.search(said.replace("+cu", r"\+cu").replace("+variants", r"\+variants"), line)


def test_a_ledger_is_continued_by_records_and_yanks(tmp_path):
    more = locked(tmp_path, LOCK, add(LEDGER, wheel(tmp_path, version="2026.11.1+cu124")))
    for new in (
        LEDGER,
        more,
        yank(more, "2026.11.0", "wrong"),
        yank(yank(more, "2026.11.0", "wrong"), "2026.11.0", None),
    ):
        assert list(continuation.broken(LEDGER, new)) == []
    assert list(continuation.broken(YANKED, with_file(yanks=("wrong", None, "again")))) == []
