"""The index of variants, as installers see it: uv chooses by NVIDIA's driver where it may, others take the CPU's."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import matrix
from file_server import FileServer
from index import ledger_changes, site, variant_wheel, wheel_file
from index.ledger import Ledger
from index.variants import variant_of
from installers import Environment
from wheel_copies import copy_wheel, make_dependencies

CHECKOUT = Path(__file__).resolve().parents[3]
MATRIX = matrix.load(CHECKOUT)
NOW = "2026-11-26T10:00:00Z"
VERSION = "2026.11.0+variants"
YANKED = "2026.11.1+cu128"
RELEASED = [
    ("cpu-generic", "2026.11.0"),
    ("cuda-12.4", "2026.11.0"),
    ("cuda-12.8", "2026.11.0"),
    ("cuda-12.8", "2026.11.1"),
]
WRONG = f"--hash=sha256:{'0' * 64}"
FEATURE = ("--preview-features", "wheel-variants")

pytestmark = pytest.mark.skipif(
    "XLLAMACPP_WHEEL" not in os.environ or sys.platform != "linux",
    reason="these install the built wheel: XLLAMACPP_WHEEL names the file (`nox -s tests` sets it)",
)


class Place:
    """The index and its files on two servers."""

    def __init__(self, folder: Path, index: FileServer, files: FileServer, wheel: Path) -> None:
        self.url = f"{index.url}/whl/variants/"
        self.ledger = self._release(folder / "files", files.url, wheel)
        site.write(folder / "index", site.tree(self.ledger, MATRIX, index.url), self.ledger, MATRIX)

    def _release(self, folder: Path, url: str, wheel: Path) -> Ledger:
        folder.mkdir()
        ledger = Ledger()
        for name, version in RELEASED:
            row = MATRIX.row(name)
            original = copy_wheel(wheel, folder, row.wheel_version(version), is_whole=name == "cpu-generic")
            ledger = ledger_changes.add(ledger, MATRIX, wheel_file.read(original), name, url, NOW, local_urls=True)
            variant = variant_of(row)
            copy = wheel_file.read(variant_wheel.derive(original, variant, folder), variant.name)
            copy.write_metadata()
            given = (ledger.files[-1], copy, variant, url, NOW)
            ledger = ledger_changes.add_variant(ledger, MATRIX, *given, local_urls=True)
        ledger = dataclasses.replace(ledger, dependencies=make_dependencies(folder, url, copy))
        return ledger_changes.yank(ledger, MATRIX, YANKED, "wrong", local_urls=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    with FileServer(folder / "index") as index, FileServer(folder / "files") as files:
        yield Place(folder, index, files, finished)


def forced(driver: str, capability: str) -> dict[str, str]:
    """Return what makes uv take a machine for one with another driver and GPU."""
    return {
        "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": driver,
        "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": capability,
    }


def variant_in(environment: Environment) -> str | None:
    """Return the variant that is installed; None for the wheel that is for all."""
    assert environment.installed()["xllamacpp"] == VERSION
    found = list(environment.folder.glob("lib/python*/site-packages/xllamacpp-*.dist-info/variant.json"))
    return next(iter(json.loads(found[0].read_text())["variants"])) if found else None


@pytest.mark.parametrize(
    ("driver", "capability", "expected"),
    [
        ("13.1", "10.3", "cu128"),
        ("13.0", "12.0", "cu128"),
        ("12.8", "8.6", "cu128"),
        ("12.6", "8.9", "cu124"),
        ("12.4", "9.0", "cu124"),
        # Older than both toolkits, and of their generation: the one that is nearest.
        ("12.2", "6.1", "cu124"),
        ("11.8", "8.6", None),
        # A GPU that no row has code for.
        ("12.8", "5.2", None),
    ],
)
def test_uv_chooses_by_the_driver_and_the_gpu(place, tmp_path, driver, capability, expected):
    environment = Environment(tmp_path / "environment", **forced(driver, capability))
    environment.run("install", *FEATURE, "--index-url", place.url, "xllamacpp")
    assert variant_in(environment) == expected
    assert len(environment.installed()) == 1 + len(place.ledger.dependencies)


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has NVIDIA's driver")
def test_without_a_driver_it_is_the_wheel_for_the_cpu(place, tmp_path):
    environment = Environment(tmp_path / "environment")
    environment.run("install", *FEATURE, "--no-deps", "--index-url", place.url, "xllamacpp")
    assert variant_in(environment) is None
    environment.check("from xllamacpp import get_system_info; assert get_system_info()")


def test_who_knows_no_variants_gets_the_wheel_for_the_cpu(place, environment):
    environment.variables |= forced("12.8", "8.6")
    environment.run("install", "--index-url", place.url, "xllamacpp")
    assert variant_in(environment) is None
    environment.check("import xllamacpp; assert xllamacpp.__version__ == " + repr(VERSION))


def requirements(place: Place, folder: Path, *others: str) -> Path:
    """Write a file with the hashes of a version's wheels, which is for all machines, and those of other wheels."""
    ours = [f"--hash=sha256:{each.sha256}" for each in place.ledger.variants if str(each.version) == VERSION]
    assert len(ours) == 3
    theirs = [f"{each.project}=={each.version} --hash=sha256:{each.sha256}" for each in place.ledger.dependencies]
    path = folder / "requirements.txt"
    path.write_text("\n".join([" ".join([f"xllamacpp=={VERSION}", *(others or ours)]), *theirs]))
    return path


def test_one_list_of_hashes_is_for_all_machines(place, environment, tmp_path):
    install = ("install", "--require-hashes", "--index-url", place.url, "-r")
    assert "hash" in environment.run(*install, requirements(place, tmp_path, WRONG), fails=True).lower()
    environment.run(*install, requirements(place, tmp_path))
    assert variant_in(environment) is None


def test_hashes_can_be_required_of_a_variant(place, tmp_path):
    environment = Environment(tmp_path / "environment", **forced("12.4", "8.6"))
    install = ("install", *FEATURE, "--require-hashes", "--index-url", place.url, "-r")
    assert "hash" in environment.run(*install, requirements(place, tmp_path, WRONG), fails=True).lower()
    environment.run(*install, requirements(place, tmp_path))
    assert variant_in(environment) == "cu124"
