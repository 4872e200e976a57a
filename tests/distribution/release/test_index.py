"""A release's wheels on their way into the ledger and the index: all of them, or nothing changes."""

from __future__ import annotations

import json

import pytest

from index import wheel_file
from index.ledger import LedgerError
from release import index
from release.folder import ReleasedWheel, ReleaseError
from release.release import Release
from release_checkouts import SITE, add_report, commit, git, make_checkout
from wheel_copies import make_wheel

VERSION = "2026.11.0"
TAGS = "cp311-abi3-manylinux_2_31_x86_64"
FOLDER_URL = "https://files.example/v1"
LOCK = """
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "click"
version = "8.5.1"
[[packages.wheels]]
name = "click-8.5.1-py3-none-any.whl"
url = "https://files.example/click-8.5.1-py3-none-any.whl"
size = 10
hashes = { sha256 = "CC" }
""".replace("CC", "c" * 64)


@pytest.fixture
def root(tmp_path):
    return make_checkout(tmp_path / "root", VERSION)


@pytest.fixture
def release(root):
    found = Release.of(root, VERSION, rows=["cpu-generic"])
    found.folder.path.mkdir(parents=True)
    return found


def add_wheel(release):
    metadata = ["Requires-Python: >=3.11", "Requires-Dist: click>=8.1"]
    path = make_wheel(release.folder.path, "xllamacpp", f"{VERSION}+cpu", tags=TAGS, metadata=metadata)
    read = wheel_file.read(path)
    revision = git(release.root, "rev-parse", "HEAD")
    wheel = ReleasedWheel("cpu-generic", revision, release.rehearsal, path.name, read.sha256, read.size)
    release.folder.record(wheel)
    add_report(release.folder.path, wheel)
    return wheel


@pytest.fixture
def places(tmp_path):
    lock = tmp_path / "pylock.toml"
    lock.write_text(LOCK)
    return {"ledger_path": tmp_path / "ledger.json", "folder_url": FOLDER_URL, "lock": lock, "site": tmp_path / "site"}


def test_a_release_reaches_the_index_once(release, places):
    wheel = add_wheel(release)
    assert index.publish(release, **places) == 1
    page = (places["site"] / "whl" / "cpu" / "xllamacpp" / "index.html").read_text()
    assert f"{FOLDER_URL}/{wheel.file.replace('+', '%2B')}" in page
    assert SITE in (places["site"] / "whl" / "index.html").read_text()
    before = places["ledger_path"].read_bytes()
    assert index.publish(release, **places) == 0
    assert places["ledger_path"].read_bytes() == before


def test_a_run_that_was_stopped_before_the_pages_goes_on(release, places):
    add_wheel(release)
    index.publish(release, **places)
    (places["site"] / "whl").rename(places["site"] / "gone")
    assert index.publish(release, **places) == 0
    assert (places["site"] / "whl" / "cpu" / "xllamacpp" / "index.html").exists()


def test_without_all_that_is_needed_nothing_changes(release, places):
    with pytest.raises(ReleaseError, match="has no wheel of cpu-generic: `wheels` takes it there"):
        index.publish(release, **places)
    add_wheel(release)
    places["lock"].write_text(LOCK.replace("click", "clack"))
    with pytest.raises(LedgerError, match=r"there is no wheel for click>=8\.1 among the dependencies"):
        index.publish(release, **places)
    places["lock"].write_text(LOCK)
    with pytest.raises(LedgerError, match="on this machine"):
        index.publish(release, **places, mirror="http://127.0.0.1:8000")
    assert not places["ledger_path"].exists()
    assert not places["site"].exists()


def test_a_wheel_that_nobody_has_run_is_not_recorded(release, places):
    wheel = add_wheel(release)
    add_report(release.folder.path, wheel, without=("clean roots",))
    with pytest.raises(ReleaseError, match=r"has not been held against clean roots, .*: nox -s .wheel_check\(cpu-gen"):
        index.publish(release, **places)
    assert not places["ledger_path"].exists()
    add_report(release.folder.path, wheel)
    assert index.publish(release, **places) == 1


def test_a_wheel_of_another_commit_is_not_recorded(release, places):
    add_wheel(release)
    (release.root / "more").touch()
    commit(release.root)
    with pytest.raises(ReleaseError, match=r"cpu-generic: of .*, which is not the commit here"):
        index.publish(release, **places)
    assert not places["ledger_path"].exists()


@pytest.mark.parametrize("there", ["no ledger", "another ledger"])
def test_a_site_that_refuses_the_ledger_leaves_it_as_it_was(release, places, there):
    add_wheel(release)
    index.publish(release, **places)
    ledger, site = places["ledger_path"], places["site"] / "whl" / "ledger.json"
    text = site.read_text()
    ledger.unlink()
    site.unlink()
    if there == "another ledger":
        site.write_text(text.replace(f"{VERSION}+cpu", "2026.10.0+cpu").replace(f"{VERSION}%2Bcpu", "2026.10.0%2Bcpu"))
    with pytest.raises(LedgerError, match=r"so it is no index of ours|begin with the site's own"):
        index.publish(release, **places)
    assert not ledger.exists()


def test_a_rehearsal_may_have_its_places_here(root, places):
    rehearsal = Release.of(root, VERSION, rows=["cpu-generic"], rehearsal=True)
    rehearsal.folder.path.mkdir(parents=True)
    # On a machine without an engine, perhaps.
    add_report(rehearsal.folder.path, add_wheel(rehearsal), without=("clean roots", "reproducible"))
    here = {**places, "folder_url": "http://127.0.0.1:8000", "mirror": "http://127.0.0.1:8001"}
    assert index.publish(rehearsal, **here) == 1
    (record,) = json.loads(places["ledger_path"].read_text())["files"]
    assert record["url"].startswith("http://127.0.0.1:8000/")
