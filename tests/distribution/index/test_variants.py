"""Wheel variants: what a row's wheel needs, how that is written, and the copy of a wheel that says it."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

import matrix
from doctored_wheels import BUILD_INFO, CHECKOUT, CREATED, LIBRARY, Doctored, release_of
from index import variant_wheel, wheel_file
from index.ledger import LedgerError
from index.variants import Variant, plain_name, variant_of, variants_json
from matrix.row import MatrixError
from wheels import finished_wheel
from wheels.archive import SBOM
from wheels.gates.gate import Target

MATRIX = matrix.load(CHECKOUT)
CUDA = Target.of(CHECKOUT, "cuda-12.4")


def test_a_cuda_row_needs_a_driver_of_its_generation_and_a_gpu_that_it_has_code_for():
    variant = variant_of(MATRIX.row("cuda-12.8"))
    assert variant.name == "cu128"
    assert variant.properties[:2] == (
        "nvidia :: cuda_version_lower_bound :: 12.8",
        "nvidia :: cuda_version_lower_bound :: 12.0",
    )
    # The row's 120a-real and 90-virtual, as uv spells them.
    assert {"nvidia :: sm_arch :: 120_real", "nvidia :: sm_arch :: 90_virtual"} <= set(variant.properties)
    assert len(variant.properties) == 2 + len(MATRIX.row("cuda-12.8").architectures)


def test_the_cpu_row_needs_nothing_and_others_cannot_be_chosen():
    assert variant_of(MATRIX.row("cpu")) == Variant(None)
    for name in ("rocm-6.4", "vulkan"):
        with pytest.raises(MatrixError, match=f"row {name}: .* no installer looks for what they need"):
            variant_of(MATRIX.row(name))


def test_a_variants_name_is_the_end_of_its_files():
    assert plain_name("a-1-py3-none-any-cu124.whl", "cu124") == "a-1-py3-none-any.whl"
    assert plain_name("a-1-py3-none-any.whl", None) == "a-1-py3-none-any.whl"


def test_variants_are_described_by_namespace_and_feature():
    document = json.loads(variants_json({"one": ("nvidia :: a :: 1", "nvidia :: a :: 2", "nvidia :: b :: 3")}))
    assert document["variants"] == {"one": {"nvidia": {"a": ["1", "2"], "b": ["3"]}}}
    assert document["default-priorities"]["namespace"] == list(document["providers"]) == ["nvidia"]


@pytest.fixture
def released(finished, tmp_path):
    """A small wheel that is finished as another row's."""
    wheel = Doctored.of(finished, LIBRARY).write(tmp_path)
    return finished_wheel.finish(wheel, release_of(CUDA), [])


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_copy_differs_in_its_version_and_says_what_it_needs(released, tmp_path):
    variant = variant_of(CUDA.row)
    copy = variant_wheel.derive(released, variant, tmp_path / "variants")
    version = f"{CUDA.version.partition('+')[0]}+variants"
    assert copy.name == f"xllamacpp-{version}-cp311-abi3-{CUDA.row.wheel.platform}-cu124.whl"
    assert str(wheel_file.read(copy, "cu124").requires_dist) == str(wheel_file.read(released).requires_dist)
    before, after = contents(released), contents(copy)
    old, new = (f"xllamacpp-{each}.dist-info/" for each in (CUDA.version, version))
    assert json.loads(after.pop(f"{new}variant.json"))["variants"].keys() == {"cu124"}
    assert after.keys() == {name.replace(old, new) for name in before}
    changed = {name for name in before if before[name] != after[name.replace(old, new)]}
    sbom = f"sboms/{SBOM}"
    assert changed == {BUILD_INFO, *(old + name for name in ("METADATA", "RECORD", sbom))}
    for name in changed:
        assert CUDA.version.encode() not in after[name.replace(old, new)], name
    build, bom = json.loads(after[BUILD_INFO]), json.loads(after[new + sbom])
    assert (build["version"], build["row"]) == (version, "cuda-12.4")
    assert bom["metadata"]["component"]["purl"] == f"pkg:pypi/xllamacpp@{version}".replace("+", "%2B")
    assert bom["serialNumber"] != json.loads(before[old + sbom])["serialNumber"]


def test_the_copys_record_is_right_and_its_files_are_of_the_wheels_time(released, tmp_path):
    copy = variant_wheel.derive(released, variant_of(CUDA.row), tmp_path)
    files = contents(copy)
    (record,) = (name for name in files if name.endswith("/RECORD"))
    rows = {name: digest for name, digest, _ in csv.reader(files[record].decode().splitlines())}
    assert rows.keys() == files.keys()
    for name in files.keys() - {record}:
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b"=").decode()
        assert rows[name] == f"sha256={digest}"
    with zipfile.ZipFile(copy) as archive:
        assert {member.date_time for member in archive.infolist()} == {CREATED.timetuple()[:6]}


def test_the_same_wheel_gives_the_same_copy(released, tmp_path):
    made = {variant_wheel.derive(released, variant_of(CUDA.row), tmp_path / name).read_bytes() for name in "ab"}
    assert len(made) == 1


def test_a_copy_for_all_says_nothing_of_variants(released, tmp_path):
    copy = variant_wheel.derive(released, Variant(None), tmp_path)
    assert copy.name.endswith(f"+variants-cp311-abi3-{CUDA.row.wheel.platform}.whl")
    assert not [name for name in contents(copy) if name.endswith("variant.json")]


def test_a_wheel_that_no_rows_build_has_finished_is_refused(finished, tmp_path):
    unfinished = Doctored.of(finished)
    del unfinished.files[f"{unfinished.info}/sboms/{SBOM}"]
    wheel = unfinished.write(tmp_path)
    with pytest.raises(LedgerError, match=r"has no .*sboms/.*: take the one that the row's build made"):
        variant_wheel.derive(wheel, Variant(None), tmp_path / "variants")
    assert not (tmp_path / "variants").exists()
