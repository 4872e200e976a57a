"""Downloads from the Hub that do not go well: cut off, damaged, killed, refused."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import threading

import pytest

import xllamacpp as xlc
from hub_server import Fault
from python.hub_models import FILE, Q4, add_repository, cached_files, leftovers, pulling
from xllamacpp.models import find, hub_folder, pull, resolve


@pytest.fixture
def repository(hub):
    return add_repository(hub)


def test_a_download_that_is_cut_off_goes_on_where_it_was(hub, repository, waits):
    # More often than a server may fail in a row without sending anything.
    hub.faults = [Fault("cdn:", times=6, cut_at=50_000)]
    assert resolve("org/repo").read_bytes() == Q4
    assert hub.ranges(FILE) == ["", *(f"bytes={part}-" for part in range(50_000, 300_001, 50_000))]
    assert len(waits) == 6
    assert leftovers() == []


def test_a_server_that_never_sends_a_byte_is_given_up(hub, repository, waits):
    hub.faults = [Fault("cdn:", times=99, cut_at=0)]
    with pytest.raises(xlc.ModelDownloadError, match=r"org/repo/model-Q4_K_M\.gguf failed.*5 times in a row"):
        resolve("org/repo")
    assert leftovers() == []
    assert waits == sorted(waits)


def test_a_server_that_falls_silent_is_asked_again(hub, repository, waits, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 1)
    hub.faults = [Fault("cdn:", wait=threading.Event())]
    assert resolve("org/repo").read_bytes() == Q4
    assert hub.ranges(FILE)[1].startswith("bytes=")
    assert len(waits) == 1


def test_a_damaged_download_is_fetched_again(hub, repository, capfd):
    hub.faults = [Fault("cdn:", is_corrupt=True)]
    assert resolve("org/repo").read_bytes() == Q4
    assert "came damaged" in capfd.readouterr().err
    assert hub.ranges(FILE) == ["", ""]


def test_one_that_is_damaged_again_is_refused_and_not_kept(hub, repository):
    hub.faults = [Fault("cdn:", times=2, is_corrupt=True)]
    with pytest.raises(xlc.ModelDownloadError, match="Nothing of it was kept") as caught:
        resolve("org/repo")
    assert hashlib.sha256(Q4).hexdigest() in str(caught.value)
    assert cached_files() == []


def test_a_beginning_that_was_damaged_on_the_disk_is_found_out(hub, repository):
    blobs = hub_folder() / "models--org--repo" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(Q4).hexdigest()}.incomplete").write_bytes(Q4[:1000] + b"x" + Q4[1001:2000])
    assert resolve("org/repo").read_bytes() == Q4
    assert hub.ranges(FILE) == ["bytes=2000-", ""]


def test_a_whole_file_without_its_name_yet_needs_no_bytes(hub, repository):
    blobs = hub_folder() / "models--org--repo" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{hashlib.sha256(Q4).hexdigest()}.incomplete").write_bytes(Q4)
    assert resolve("org/repo").read_bytes() == Q4
    assert hub.ranges(FILE) == []


def test_a_size_that_is_not_the_listed_one_is_refused(hub, repository):
    hub.faults = [Fault(f"hub:/org/repo/resolve/{repository.commit}", status=200, body=b"GGUF and no more")]
    with pytest.raises(xlc.ModelDownloadError, match="has 300004 bytes, and the server offers 16"):
        resolve("org/repo")


@pytest.mark.parametrize("where", ["hub:/api/models", "cdn:"])
def test_a_server_that_asks_to_wait_is_obeyed(hub, repository, waits, where):
    hub.faults = [Fault(where, status=429, headers={"Retry-After": "7"}), Fault(where, status=503)]
    assert resolve("org/repo").read_bytes() == Q4
    assert waits[0] == 7
    assert 2 <= waits[1] <= 3


@pytest.mark.parametrize(
    ("status", "message"), [(429, "limits how much may be asked of it.*token of your own"), (503, "again later")]
)
def test_a_server_that_goes_on_refusing_is_given_up(hub, repository, waits, status, message):
    hub.faults = [Fault("hub:/api/models", times=99, status=status)]
    with pytest.raises(xlc.ModelDownloadError, match=f"answered {status}.*4 times in a row. .*{message}"):
        resolve("org/repo")


def test_nobody_waits_for_an_hour(hub, repository, waits):
    hub.faults = [Fault("hub:/api/models", status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(xlc.ModelDownloadError, match="asks to wait for 3600 s"):
        resolve("org/repo")
    assert waits == []


def test_pull_finds_a_copy_with_wrong_bytes(repository):
    path = resolve("org/repo")
    damaged = bytearray(Q4)
    damaged[1234] ^= 1
    path.resolve().write_bytes(damaged)
    assert resolve("org/repo").read_bytes() == damaged
    assert pull("org/repo", verify=False).read_bytes() == damaged
    assert pull("org/repo").read_bytes() == Q4


def test_a_copy_of_the_wrong_size_is_fetched_again(repository, capfd):
    path = resolve("org/repo")
    path.resolve().write_bytes(Q4[:1000])
    assert resolve("org/repo").read_bytes() == Q4
    assert "is damaged" in capfd.readouterr().err


KILLED_HALFWAY = """
    import os, signal
    from xllamacpp.models import transfer

    write = transfer._Partial.write

    def write_half(file, chunk):
        write(file, chunk)
        if file.position > 150_000:
            file._file.flush()
            os.kill(os.getpid(), signal.{number})

    transfer._Partial.write = write_half
    """


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_a_killed_download_has_is_gone_on_with(hub, repository, number):
    program = pulling("org/repo", KILLED_HALFWAY.format(number=number.name))
    assert subprocess.run(program, stderr=subprocess.DEVNULL, timeout=60).returncode != 0
    (partial,) = cached_files()
    assert partial.endswith(".incomplete")
    there = (hub_folder() / partial).stat().st_size
    assert resolve("org/repo").read_bytes() == Q4
    assert hub.ranges(FILE)[-1] == f"bytes={there}-"
    assert leftovers() == []


def test_very_large_files_are_left_to_huggingface_hub(hub, repository, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE", 100_000)
    monkeypatch.setattr("xllamacpp.models.hub.hf_hub_download", lambda *arguments, **options: called.append(arguments))
    called = []
    resolve("org/repo")
    assert called == [("org/repo", FILE)]
    assert hub.ranges(FILE) == []


def test_progress_is_plain_lines_without_a_terminal(repository, capfd):
    find("org/repo")
    output, errors = capfd.readouterr()
    assert output == ""
    lines = errors.splitlines()
    assert all(line.startswith("xllamacpp: ") for line in lines)
    assert any(line.startswith(f"xllamacpp: org/repo/{FILE}: 100 % of 300 kB") for line in lines)


def test_progress_can_be_turned_off(repository, capfd):
    find("org/repo", progress=False)
    assert capfd.readouterr() == ("", "")
