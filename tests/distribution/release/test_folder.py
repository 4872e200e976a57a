"""The folder of a release: what it knows of each row, and what it does not take for done."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from release.folder import ReleasedImage, ReleasedWheel, ReleaseError, ReleaseFolder, sha256_of

REVISION = "0" * 40


def add_wheel(folder, row, *, rehearsal=False):
    folder.write(f"{row}.whl", row.encode())
    path = folder.path / f"{row}.whl"
    folder.write(f"wheel-{row}.cdx.json", b"{}")
    wheel = ReleasedWheel(row, REVISION, rehearsal, path.name, sha256_of(path), path.stat().st_size)
    folder.record(wheel)
    return wheel


def add_image(folder, row):
    image = ReleasedImage(row, REVISION, False, "registry.example/x", f"2026.11.0-{row}", "sha256:1", "debian")
    folder.record(image)
    return image


def test_what_is_recorded_is_read_again(tmp_path):
    folder = ReleaseFolder(tmp_path / "new")
    assert folder.wheel("cpu") is None
    assert folder.image("cpu") is None
    wheel, image = add_wheel(folder, "cpu"), add_image(folder, "cpu")
    assert folder.wheel("cpu") == wheel
    assert folder.image("cpu") == image


def test_a_wheel_that_changed_since_is_not_taken_for_it(tmp_path):
    folder = ReleaseFolder(tmp_path)
    add_wheel(folder, "cpu")
    (tmp_path / "cpu.whl").write_bytes(b"other")
    with pytest.raises(ReleaseError, match=r"cpu\.whl is not the file that passed the gates"):
        folder.wheel("cpu")
    (tmp_path / "cpu.whl").unlink()
    with pytest.raises(ReleaseError, match=r"cpu\.whl is not the file that passed the gates"):
        folder.wheel("cpu")


def test_a_rehearsals_wheel_is_not_released(tmp_path):
    add_wheel(ReleaseFolder(tmp_path, rehearsal=True), "cpu", rehearsal=True)
    assert ReleaseFolder(tmp_path, rehearsal=True).wheel("cpu")
    with pytest.raises(ReleaseError, match="is of a rehearsal: give the release another --folder"):
        ReleaseFolder(tmp_path).wheel("cpu")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"row": "cpu"}'])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / "wheel-cpu.json").write_text(text)
    with pytest.raises(ReleaseError, match=r"wheel-cpu\.json is no record of a release"):
        ReleaseFolder(tmp_path).wheel("cpu")


def test_rows_of_several_machines_are_joined_and_summed_up(tmp_path):
    one, other = ReleaseFolder(tmp_path / "one"), ReleaseFolder(tmp_path / "other")
    add_wheel(one, "cpu")
    add_image(one, "cpu")
    add_image(other, "vulkan")
    for folder in (one, other):
        folder.sum_up("2026.11.0")
    shutil.copytree(other.path, one.path, dirs_exist_ok=True)
    (one.path / ".killed.whl").write_text("half")
    one.sum_up("2026.11.0")
    manifest = json.loads((one.path / "release.json").read_text())
    assert manifest["version"] == "2026.11.0"
    assert {row: set(parts) for row, parts in manifest["rows"].items()} == {
        "cpu": {"wheel", "image"},
        "vulkan": {"image"},
    }
    assert manifest["rows"]["cpu"]["wheel"]["sha256"] == sha256_of(one.path / "cpu.whl")
    listed = [line.split("  ")[1] for line in (one.path / "SHA256SUMS").read_text().splitlines()]
    assert listed == sorted(p.name for p in one.path.iterdir() if p.name not in ("SHA256SUMS", ".killed.whl"))
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=one.path, check=True)
