"""Wheels on their way into a release: those that pass every gate and are of its commit, and nothing of any other."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

import checkout
from doctored_wheels import CHECKOUT, REVISION, target_here
from release import reports, wheels
from release.folder import ReleasedWheel, ReleaseError, ReleaseFolder, sha256_of
from release.release import Release
from release_checkouts import add_report
from rendering import facts
from wheel_copies import make_wheel

ROW = target_here().row


@pytest.fixture
def release(tmp_path):
    return Release(CHECKOUT, facts.load(CHECKOUT), (ROW,), ReleaseFolder(tmp_path / "release"), False)


@pytest.fixture
def its_commit(monkeypatch):
    # The wheel under test is finished with a made-up commit: a real one would have to be built for each.
    monkeypatch.setattr(checkout, "revision", lambda root: REVISION)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_wheel_that_passes_is_taken_once_with_what_goes_with_it(release, finished_here, its_commit):
    assert wheels.take(release, ROW, finished_here)
    folder = release.folder.path
    records = {f"wheel-{ROW.name}.{suffix}" for suffix in ("json", "cdx.json", "gates.json")}
    assert names(folder) == {finished_here.name, f"{finished_here.name}.metadata", *records}
    taken = release.folder.wheel(ROW.name)
    assert (taken.file, taken.revision) == (finished_here.name, REVISION)
    report = json.loads((folder / f"wheel-{ROW.name}.gates.json").read_text())
    assert (report["passed"], report["sha256"]) == (True, taken.sha256)
    assert reports.lacking(folder, taken) == ["reproducible", "clean roots"]
    with zipfile.ZipFile(finished_here) as archive:
        (metadata,) = [archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    assert (folder / f"{finished_here.name}.metadata").read_bytes() == metadata
    assert not wheels.take(release, ROW, finished_here)


def test_a_wheel_has_to_have_been_seen_where_that_is_asked_for(release, finished_here, its_commit, tmp_path):
    seen, folder = tmp_path / "seen" / "gates-cpu", release.folder.path
    wheel = ReleasedWheel(ROW.name, REVISION, False, finished_here.name, sha256_of(finished_here), 0)
    for given in ({"without": ("clean roots",)}, {"failed": ("clean roots",)}):
        add_report(seen, wheel, **given)
        with pytest.raises(ReleaseError, match=rf"has no report of {ROW.name}'s wheel, sha256 {wheel.sha256}"):
            wheels.take(release, ROW, finished_here, seen.parent)
        assert names(folder) == set()
    report = add_report(seen, wheel)
    (seen / "other.json").write_text('{"bomFormat": "CycloneDX"}')
    assert wheels.take(release, ROW, finished_here, seen.parent)
    assert reports.path(folder, ROW.name).read_bytes() == report.read_bytes()
    # One that was taken before somebody ran it.
    add_report(folder, wheel, without=("clean roots",))
    assert not wheels.take(release, ROW, finished_here, seen.parent)
    assert reports.lacking(folder, release.folder.wheel(ROW.name)) == []


def test_a_wheel_that_was_taken_of_another_commit_is_not_there_already(release, finished_here, its_commit, monkeypatch):
    assert wheels.take(release, ROW, finished_here)
    monkeypatch.setattr(checkout, "revision", lambda root: "f" * 40)
    with pytest.raises(ReleaseError, match="which is not the commit here"):
        wheels.take(release, ROW, finished_here)


def test_a_wheel_of_another_commit_leaves_nothing(release, finished_here, capsys):
    with pytest.raises(ReleaseError, match=f"was built of {REVISION}, which is not the commit here"):
        wheels.take(release, ROW, finished_here)
    assert names(release.folder.path) == set()
    # No gate was asked, which would have taken its time.
    assert capsys.readouterr().out == ""


def test_a_wheel_that_fails_a_gate_leaves_nothing(release, tmp_path, capsys):
    version = ROW.wheel_version(release.version)
    metadata = ["Requires-Python: >=3.11"]
    wheel = make_wheel(tmp_path, "xllamacpp", version, tags=f"cp311-abi3-{ROW.wheel.platform}", metadata=metadata)
    with pytest.raises(ReleaseError, match="does not pass the gates: see above"):
        wheels.take(release, ROW, wheel)
    assert "FAILED" in capsys.readouterr().out
    assert names(release.folder.path) == set()


def test_the_rows_wheel_is_found_by_its_version(release, tmp_path):
    with pytest.raises(ReleaseError, match="it has no such file"):
        wheels.find(release, ROW, tmp_path)
    version = ROW.wheel_version(release.version)
    wheel = make_wheel(tmp_path / "some" / "where", "xllamacpp", version)
    make_wheel(tmp_path, "xllamacpp", f"{release.version}+cu124")
    (tmp_path / "no_name.whl").touch()
    assert wheels.find(release, ROW, tmp_path) == wheel
    (tmp_path / "copy").mkdir()
    shutil.copy(wheel, tmp_path / "copy")
    assert wheels.find(release, ROW, tmp_path).name == wheel.name
    make_wheel(tmp_path, "xllamacpp", version, tags="py3-none-linux_x86_64")
    with pytest.raises(ReleaseError, match=r"has to have one wheel of cpu-generic, .*py3-none-linux_x86_64"):
        wheels.find(release, ROW, tmp_path)
