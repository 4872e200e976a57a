"""Models from web addresses: resumed, checked, and asked for news."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

import xllamacpp as xlc
from hub_server import Fault
from xllamacpp.models import find, pull, resolve
from xllamacpp.models.folders import web_folder

PATH = "/files/model.gguf"
CONTENT = b"GGUF" + random.Random(1).randbytes(300_000)
OTHER = b"GGUF" + random.Random(2).randbytes(200_000)
ETAGS = [{"ETag": '"first"'}, {"ETag": '"second"'}]


@pytest.fixture
def url(hub):
    """The address of a file, which has an ETag."""
    hub.web[PATH] = CONTENT
    hub.web_headers = ETAGS[0]
    return f"{hub.address}{PATH}"


def cached_files():
    """The names of everything in the cache of web files but locks."""
    return sorted(path.name for path in web_folder().rglob("*") if path.is_file() and path.suffix != ".lock")


def ranges(hub):
    """From where on the file was asked for each time, and on which condition."""
    asked = [request.headers for request in hub.find(PATH)]
    return [(headers["range"], headers.get("if-range")) for headers in asked if "range" in headers]


def pulling(url):
    return [sys.executable, "-c", f"from xllamacpp.models import pull; print(pull({url!r}))"]


def test_an_address_becomes_a_file(url):
    path = resolve(url, progress=False)
    assert path.read_bytes() == CONTENT
    assert path.name == "model.gguf"
    assert cached_files() == ["model.gguf", "model.gguf.json"]


def test_two_addresses_with_one_file_name_are_two_files(hub, url):
    hub.web["/other/model.gguf"] = OTHER
    assert resolve(f"{hub.address}/other/model.gguf").read_bytes() == OTHER
    assert resolve(url).read_bytes() == CONTENT


@pytest.mark.parametrize("headers", [ETAGS[0], {"Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}, {}])
def test_what_has_not_changed_is_not_fetched_again(hub, url, headers):
    hub.web_headers = headers
    path = resolve(url)
    written = path.stat().st_mtime_ns
    assert resolve(url) == path
    assert path.stat().st_mtime_ns == written
    condition = {"ETag": "if-none-match", "Last-Modified": "if-modified-since"}
    for name, value in headers.items():
        assert hub.requests[-1].headers[condition[name]] == value


@pytest.mark.parametrize(
    ("before", "after"),
    [ETAGS, ({"Last-Modified": "Tue, 24 Nov 2026 10:00:00 GMT"}, {"Last-Modified": "Wed, 25 Nov 2026 10:00:00 GMT"})],
)
def test_what_has_changed_is(hub, url, before, after):
    hub.web_headers = before
    resolve(url)
    hub.web_headers, hub.web[PATH] = after, OTHER
    path = resolve(url)
    assert path.read_bytes() == OTHER
    assert resolve(url) == path
    assert cached_files() == ["model.gguf", "model.gguf.json"]


def test_a_hash_in_the_address_is_compared(hub, url):
    checked = f"{url}#sha256={hashlib.sha256(CONTENT).hexdigest()}"
    assert resolve(checked).read_bytes() == CONTENT
    with pytest.raises(xlc.ModelDownloadError, match="is not what the server says it is"):
        resolve(f"{url}#sha256={'0' * 64}")


def test_what_has_its_hash_is_not_asked_for_again(hub, url):
    checked = f"{url}#sha256={hashlib.sha256(CONTENT).hexdigest()}"
    resolve(checked)
    hub.requests.clear()
    hub.web[PATH] = OTHER
    assert resolve(checked).read_bytes() == CONTENT
    assert hub.requests == []


def test_a_download_that_is_cut_off_goes_on_if_the_file_is_the_same(hub, url, waits):
    cut_second(hub)
    assert resolve(url).read_bytes() == CONTENT
    assert ranges(hub) == [("bytes=100000-", '"first"')]


def cut_second(hub):
    """Cut off the answer after the one that is only asked for the version."""
    hub.faults = [Fault(PATH, cut_at=len(CONTENT)), Fault(PATH, cut_at=100_000)]


def test_a_file_that_changes_meanwhile_is_begun_anew(hub, url, monkeypatch):
    cut_second(hub)

    def change(seconds):
        hub.web_headers, hub.web[PATH] = ETAGS[1], OTHER

    monkeypatch.setattr("xllamacpp.models.connection.sleep", change)
    assert resolve(url).read_bytes() == OTHER
    assert cached_files() == ["model.gguf", "model.gguf.json"]


def test_without_a_version_nothing_is_gone_on_with(hub, url, waits):
    hub.web_headers = {}
    cut_second(hub)
    assert resolve(url).read_bytes() == CONTENT
    assert ranges(hub) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_a_killed_download_has_is_gone_on_with(hub, url, number):
    hub.faults = [Fault(PATH, cut_at=len(CONTENT)), Fault(PATH, wait=threading.Event())]
    process = subprocess.Popen(pulling(url), stderr=subprocess.DEVNULL)
    assert hub.sent_half.wait(60)
    (folder,) = web_folder().glob("*/*")
    while not sum(path.stat().st_size for path in folder.glob("*.incomplete")):
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(60) != 0
    hub.faults[1].wait.set()
    assert resolve(url).read_bytes() == CONTENT
    ((start, condition),) = ranges(hub)
    assert start != "bytes=0-"
    assert condition == '"first"'
    assert cached_files() == ["model.gguf", "model.gguf.json"]


def test_what_was_left_of_another_version_is_removed(hub, url):
    path = resolve(url)
    path.with_name("model.gguf.0123456789ab.incomplete").write_bytes(b"GGUF")
    path.with_name("somebody's notes").touch()
    hub.web_headers, hub.web[PATH] = ETAGS[1], OTHER
    resolve(url)
    assert cached_files() == ["model.gguf", "model.gguf.json", "somebody's notes"]


def test_two_processes_fetch_it_once(hub, url):
    hub.faults = [Fault(PATH, cut_at=len(CONTENT)), Fault(PATH, wait=threading.Event())]
    first = subprocess.Popen(pulling(url), stdout=subprocess.PIPE, text=True)
    assert hub.sent_half.wait(60)
    second = subprocess.Popen(pulling(url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "waiting for another process" in second.stderr.readline()
    hub.faults[1].wait.set()
    paths = {process.communicate(timeout=60)[0] for process in (first, second)}
    assert len(paths) == 1
    # Each asked for the version, one for the file.
    assert len(hub.find(PATH)) == 3


def test_all_parts_of_a_split_model_are_fetched_into_one_folder(hub):
    names = [f"/files/big-0000{part}-of-00002.gguf" for part in (1, 2)]
    hub.web.update(zip(names, (CONTENT, OTHER), strict=True))
    path = resolve(f"{hub.address}{names[0]}")
    assert path.name == "big-00001-of-00002.gguf"
    assert path.read_bytes() == CONTENT
    assert path.with_name("big-00002-of-00002.gguf").read_bytes() == OTHER


def test_a_page_about_a_model_is_no_model(hub):
    hub.web["/page"] = b"<!doctype html><title>Log in</title>"
    with pytest.raises(xlc.ModelDownloadError, match="no GGUF file: what the server sent begins with b'<!doctype"):
        resolve(f"{hub.address}/page")
    assert not [name for name in cached_files() if "incomplete" in name]


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (404, xlc.ModelNotFoundError, "there is no file"),
        (410, xlc.ModelNotFoundError, "there is no file"),
        (401, xlc.ModelDownloadError, "may not be read"),
        (403, xlc.ModelDownloadError, "may not be read"),
        (418, xlc.ModelDownloadError, "could not be fetched: the server answered 418"),
    ],
)
def test_a_refusal_says_what_it_means(hub, url, status, error, message):
    hub.faults = [Fault(PATH, status=status)]
    with pytest.raises(error, match=message):
        resolve(url)


def test_a_server_that_is_busy_is_asked_again(hub, url, waits):
    hub.faults = [Fault(PATH, status=429, headers={"Retry-After": "3"}), Fault(PATH, status=503)]
    assert resolve(url).read_bytes() == CONTENT
    assert waits[0] == 3


def test_a_server_that_is_gone_is_given_up(waits, hub):
    with pytest.raises(xlc.ModelDownloadError, match=r"5 times in a row\. Look at the network"):
        resolve("http://127.0.0.1:1/model.gguf")


def test_what_is_here_serves_while_the_server_does_not(hub, url, capfd):
    path = resolve(url)
    hub.faults = [Fault(PATH, status=503)]
    assert resolve(url) == path
    assert "from the cache" in capfd.readouterr().err


def test_a_new_version_that_is_cut_off_does_not_take_away_the_old_one(hub, url, waits):
    resolve(url)
    hub.web_headers, hub.web[PATH] = ETAGS[1], OTHER
    hub.faults = [Fault(PATH, cut_at=len(OTHER)), Fault(PATH, times=99, cut_at=0)]
    assert resolve(url).read_bytes() == CONTENT


def test_offline_takes_what_the_cache_has(hub, url):
    with pytest.raises(xlc.ModelDownloadError, match="offline mode"):
        resolve(url, offline=True)
    path = resolve(url)
    hub.requests.clear()
    assert resolve(url, offline=True) == path
    assert hub.requests == []


def test_pull_finds_a_copy_with_wrong_bytes(url):
    path = resolve(url)
    damaged = bytearray(CONTENT)
    damaged[1234] ^= 1
    path.write_bytes(damaged)
    assert resolve(url).read_bytes() == damaged
    assert pull(url).read_bytes() == CONTENT


def test_secrets_in_an_address_are_used_and_not_shown(hub, url, capfd):
    address = url.replace("http://", "http://user:hunter2@") + "?signature=hunter2"
    hub.faults = [Fault(PATH, status=403)]
    with pytest.raises(xlc.ModelDownloadError) as caught:
        resolve(address)
    assert hub.requests[-1].headers["authorization"].startswith("Basic ")
    found = find(address)
    notes = "".join(path.read_text() for path in web_folder().rglob("*.json"))
    for text in (str(caught.value), found.name, str(found.path), notes, *capfd.readouterr()):
        assert "hunter2" not in text


def test_the_hubs_token_goes_to_no_other_server(hub, url, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    resolve(url, token="hf_secret")
    assert not [request for request in hub.requests if "authorization" in request.headers]


def test_the_bytes_are_asked_for_as_they_are(hub, url):
    resolve(url)
    assert {request.headers["accept-encoding"] for request in hub.find(PATH)} >= {"identity"}


def test_it_works_where_only_the_cache_can_be_written(url):
    environment = {**os.environ, "HOME": "/proc"}
    done = subprocess.run(pulling(url), env=environment, cwd="/proc", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
