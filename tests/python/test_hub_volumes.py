"""The volumes that models are kept on: shared by processes, full, read-only, without locks or links."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import xllamacpp as xlc
from hub_server import Fault
from python.hub_models import FILE, Q4, add_repository, leftovers, pulling
from xllamacpp.models import hub_folder, locks, pull, resolve


@pytest.fixture
def repository(hub):
    return add_repository(hub)


def test_two_processes_fetch_it_once(hub, repository):
    go_on = threading.Event()
    hub.faults = [Fault("cdn:", wait=go_on)]
    first = subprocess.Popen(pulling("org/repo"), stdout=subprocess.PIPE, text=True)
    assert hub.sent_half.wait(60)
    second = subprocess.Popen(pulling("org/repo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "waiting for another process" in second.stderr.readline()
    go_on.set()
    paths = {process.communicate(timeout=60)[0].strip() for process in (first, second)}
    assert len(paths) == 1
    assert Path(paths.pop()).read_bytes() == Q4
    assert hub.ranges(FILE) == [""]


def test_a_process_that_waits_takes_over_from_one_that_dies(hub, repository):
    hub.faults = [Fault("cdn:", wait=threading.Event())]
    first = subprocess.Popen(pulling("org/repo"), stderr=subprocess.DEVNULL)
    assert hub.sent_half.wait(60)
    second = subprocess.Popen(pulling("org/repo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "waiting for another process" in second.stderr.readline()
    first.kill()
    first.wait()
    assert Path(second.communicate(timeout=60)[0].strip()).read_bytes() == Q4
    assert hub.ranges(FILE)[1].startswith("bytes=")


def test_two_at_once_do_no_harm_where_locks_do_not_work(hub, repository):
    no_locks = """
        import contextlib
        from xllamacpp.models import locks

        locks.held = lambda path, on_wait: contextlib.nullcontext()
        """
    go_on = threading.Event()
    hub.faults = [Fault("cdn:", wait=go_on)]
    first = subprocess.Popen(pulling("org/repo", no_locks), stdout=subprocess.PIPE, text=True)
    assert hub.sent_half.wait(60)
    second = subprocess.run(pulling("org/repo", no_locks), capture_output=True, text=True, timeout=60)
    path = Path(second.stdout.strip())
    assert path.read_bytes() == Q4, "the second finished, and the first is still at it"
    go_on.set()
    assert first.communicate(timeout=60)[0] == second.stdout
    assert first.returncode == 0
    assert path.read_bytes() == Q4
    assert leftovers() == []


def test_a_volume_without_locks_has_markers(repository, monkeypatch):
    monkeypatch.setattr("fcntl.flock", refuse_flock)
    lock = hub_folder() / "x.lock"
    with locks.held(lock, lambda: None):
        assert lock.with_suffix(".lease").exists()
        assert locks.is_held(lock)
    assert not locks.is_held(lock)
    assert resolve("org/repo").read_bytes() == Q4


def refuse_flock(descriptor, operation):
    raise OSError(38, "Function not implemented")


def test_a_volume_without_links_has_the_files_themselves(repository, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    path = resolve("org/repo")
    assert path.read_bytes() == Q4
    assert not path.is_symlink()
    assert resolve("org/repo", offline=True) == path


def test_a_disk_that_is_full_says_what_is_missing(repository, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(xlc.ModelDownloadError, match=r"no space left for 300 kB in .*: 1 kB are free.*xllamacpp rm"):
        resolve("org/repo")


def test_a_disk_that_gets_full_keeps_what_it_has(repository, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device", "/the/file")

    monkeypatch.setattr("xllamacpp.models.transfer._Partial.write", fail)
    with pytest.raises(xlc.ModelDownloadError, match=r"there is no space left \(/the/file\). XLLAMACPP_CACHE"):
        resolve("org/repo")


# Root may write anywhere, by two of its capabilities; what is started without them has to keep to the modes of files.
WITHOUT_PRIVILEGE = [
    *(sys.executable, "-c"),
    "import ctypes, os, sys; [ctypes.CDLL(None).prctl(24, n) for n in (1, 2)]; os.execv(sys.executable, sys.argv[1:])",
]


def run_without_privilege(program):
    """Run a program that has no home, and may not write where the modes of files forbid it."""
    return subprocess.run(
        [*WITHOUT_PRIVILEGE, *program],
        env={**os.environ, "HOME": "/proc"},
        cwd="/proc",
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def read_only():
    """Make a folder read-only, with all that is in it, for as long as the test runs."""
    folders = []

    def make(top):
        found = [top, *(path for path in top.rglob("*") if path.is_dir())]
        folders.extend(found)
        for folder in found:
            folder.chmod(0o555)

    yield make
    for folder in folders:
        folder.chmod(0o755)


def test_a_cache_is_all_that_has_to_be_writable(repository):
    done = run_without_privilege(pulling("org/repo"))
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == Q4


def test_a_read_only_cache_serves_what_it_has(repository, read_only, tmp_path):
    path = pull("org/repo")
    read_only(tmp_path / "cache")
    done = run_without_privilege(pulling("org/repo"))
    assert done.stdout.strip() == str(path), done.stderr
    repository.files["README.md"] = b"a new commit, with the same model"
    done = run_without_privilege(pulling("org/repo"))
    assert done.stdout.strip() == str(path), done.stderr
    assert "taking org/repo from the cache" in done.stderr


def test_a_read_only_cache_serves_a_commit_under_its_branch(repository, read_only, tmp_path):
    path = pull(f"org/repo@{repository.commit}")
    read_only(tmp_path / "cache")
    done = run_without_privilege(pulling("org/repo"))
    assert done.stdout.strip() == str(path), done.stderr


def test_a_read_only_cache_without_it_is_said_to_be(repository, read_only, tmp_path):
    (tmp_path / "cache").mkdir()
    read_only(tmp_path / "cache")
    done = run_without_privilege(pulling("org/repo"))
    assert done.returncode != 0
    assert "may not write there, and the model is not in it" in done.stderr
    assert str(tmp_path / "cache") in done.stderr
