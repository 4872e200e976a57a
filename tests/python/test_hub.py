"""Models from the Hub: a server that speaks its protocol, and fails as networks and servers do."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

import xllamacpp as xlc
from hub_server import TOKEN, Fault, Repository
from xllamacpp.models import find, hub_folder, locks, pull, resolve

FILE = "model-Q4_K_M.gguf"


def content(seed, size=300_000):
    """Bytes that look like no other file's, and begin like a GGUF file's."""
    return b"GGUF" + random.Random(seed).randbytes(size)


Q4, Q8, MMPROJ, SMALL = content(4), content(8), content(16), content(1, 100)


@pytest.fixture
def repository(hub):
    """A repository with two quantizations and a projector."""
    files = {FILE: Q4, "model-Q8_0.gguf": Q8, "mmproj-model-F16.gguf": MMPROJ, "README.md": b"text"}
    hub.repositories["org/repo"] = Repository(files)
    return hub.repositories["org/repo"]


def cached_files():
    """Everything in the Hub's cache but locks, by its path there."""
    found = [path for path in hub_folder().rglob("*") if path.is_file() and ".locks" not in path.parts]
    return sorted(path.relative_to(hub_folder()).as_posix() for path in found)


def leftovers():
    return [path for path in cached_files() if "incomplete" in path or ".new" in path]


def pulling(name, before=""):
    """A program that pulls a model."""
    code = textwrap.dedent(before) + f"\nfrom xllamacpp.models import pull\nprint(pull({name!r}))"
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/repo", Q4),
        ("org/repo:q8_0", Q8),
        ("hf://org/repo:Q8_0", Q8),
        ("org/repo@v1:Q8_0", Q8),
        ("hf://org/repo/model-Q8_0.gguf", Q8),
    ],
)
def test_a_name_becomes_a_file(repository, name, expected):
    path = resolve(name, progress=False)
    assert path.read_bytes() == expected
    assert leftovers() == []


def test_the_projector_that_belongs_to_a_model_comes_with_it(repository):
    found = find("org/repo")
    assert found.path.read_bytes() == Q4
    assert found.mmproj.read_bytes() == MMPROJ
    assert found.mmproj.parent == found.path.parent


def test_it_does_not_where_nobody_wants_it(hub, repository):
    assert find("org/repo", mmproj=False).mmproj is None
    resolve("org/repo:Q8_0")
    assert hub.ranges("mmproj") == []


def test_all_parts_of_a_split_model_are_fetched_and_the_first_is_given(hub):
    parts = {f"Q4/big-Q4_K_M-0000{number}-of-00003.gguf": content(number) for number in (1, 2, 3)}
    hub.repositories["org/big"] = Repository(parts)
    path = resolve("org/big")
    assert path.name == "big-Q4_K_M-00001-of-00003.gguf"
    assert {part.name: part.read_bytes() for part in path.parent.iterdir()} == {
        name.removeprefix("Q4/"): part for name, part in parts.items()
    }


def test_files_that_the_hub_keeps_in_git_are_checked_too(hub, waits):
    hub.repositories["org/small"] = Repository({FILE: SMALL})
    path = resolve("org/small")
    assert path.read_bytes() == SMALL
    assert path.resolve().name == hashlib.sha1(b"blob %d\0" % len(SMALL) + SMALL).hexdigest()


def test_other_programs_find_it_in_the_cache(hub, repository):
    path = resolve("org/repo")
    downloads = hub.ranges(FILE)
    theirs = huggingface_hub.hf_hub_download("org/repo", FILE, cache_dir=hub_folder(), endpoint=hub.address)
    assert Path(theirs) == path
    (cached,) = huggingface_hub.scan_cache_dir(hub_folder()).repos
    assert cached.refs["main"].commit_hash == repository.commit
    assert hub.ranges(FILE) == downloads


def test_what_other_programs_fetched_is_not_fetched_again(hub, repository):
    theirs = huggingface_hub.hf_hub_download("org/repo", FILE, cache_dir=hub_folder(), endpoint=hub.address)
    downloads = hub.ranges(FILE)
    assert resolve("org/repo") == Path(theirs)
    assert hub.ranges(FILE) == downloads


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME"])
def test_a_cache_that_the_user_has_is_shared(repository, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, str(tmp_path / "theirs"))
    path = resolve("org/repo")
    assert path.is_relative_to(tmp_path / "theirs" / ("hub" if variable == "HF_HOME" else ""))


def test_the_same_file_at_another_commit_is_fetched_once(hub, repository):
    first = resolve("org/repo")
    repository.files["README.md"] = b"another text"
    second = resolve("org/repo")
    assert first != second
    assert first.samefile(second)
    assert len(hub.ranges(FILE)) == 1


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


def test_an_unknown_repository_may_be_a_private_one_or_a_path(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(xlc.ModelNotFoundError) as caught:
        resolve("folder/missing")
    for part in (
        "no repository folder/missing",
        hub.address,
        "HF_TOKEN",
        "hf auth login",
        f"{tmp_path}/folder/missing",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("org/repo:Q9", r"org/repo:Q9: it has no quantization Q9 \(it has Q4_K_M, Q8_0\)"),
        ("hf://org/repo/model-Q4.gguf", r"did you mean model-Q4_K_M\.gguf"),
        ("org/repo@v2", "has no branch, tag or commit 'v2'"),
    ],
)
def test_what_a_repository_does_not_have_is_told_from_what_it_has(repository, name, message):
    with pytest.raises(xlc.ModelNotFoundError, match=message):
        resolve(name)


def test_a_private_repository_takes_a_token(hub, repository, tmp_path, monkeypatch):
    repository.access = "private"
    with pytest.raises(xlc.ModelNotFoundError, match="or it is private: give a token"):
        resolve("org/repo")
    assert resolve("org/repo", token=TOKEN).read_bytes() == Q4
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert resolve("org/repo:Q8_0").read_bytes() == Q8
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(TOKEN)
    assert find("org/repo").mmproj.read_bytes() == MMPROJ


def test_a_gated_one_says_where_its_terms_are(hub, repository, monkeypatch):
    repository.access = "gated"
    with pytest.raises(xlc.ModelDownloadError, match=r"^org/repo is gated: accept its terms at") as caught:
        resolve("org/repo")
    assert f"{hub.address}/org/repo" in str(caught.value)
    assert resolve("org/repo", token=TOKEN).read_bytes() == Q4


def test_a_gated_one_that_the_token_may_not_have_says_so(hub, repository):
    hub.faults = [Fault("/resolve/", status=403, headers={"X-Error-Code": "GatedRepo"})]
    with pytest.raises(xlc.ModelDownloadError, match="use a token of that account"):
        resolve("org/repo", token=TOKEN)


def test_a_token_that_is_wrong_is_said_to_be(repository):
    with pytest.raises(xlc.ModelDownloadError, match="refused the token"):
        resolve("org/repo", token="hf_another")


def test_a_refusal_without_a_reason_is_about_the_token(hub, repository):
    hub.faults = [Fault("hub:/api/models", times=2, status=401)]
    with pytest.raises(xlc.ModelNotFoundError, match="or it is private: give a token"):
        resolve("org/repo")
    with pytest.raises(xlc.ModelDownloadError, match="refused the token"):
        resolve("org/repo", token=TOKEN)


def test_the_token_stays_with_the_hub(hub, repository):
    resolve("org/repo", token=TOKEN)
    sent = {request.host for request in hub.requests if TOKEN in request.headers.get("authorization", "")}
    assert {request.host for request in hub.requests} == {"hub", "cdn"}
    assert sent == {"hub"}


def test_llama_cpps_name_for_the_mirror_works_too(hub, repository, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("MODEL_ENDPOINT", f"{hub.address}/")
    assert resolve("org/repo").read_bytes() == Q4


def test_a_mirror_that_is_none_is_said_to_be(hub):
    hub.faults = [Fault("hub:", status=200, body=b"<html>welcome</html>")]
    with pytest.raises(xlc.ModelDownloadError, match="is HF_ENDPOINT right"):
        resolve("org/repo")


def test_a_file_that_would_leave_the_cache_is_left_out(hub):
    hub.repositories["org/evil"] = Repository({"../../../evil-Q4_K_M.gguf": Q4, "good-Q8_0.gguf": Q8})
    assert resolve("org/evil").name == "good-Q8_0.gguf"


def test_offline_takes_what_the_cache_has(hub, repository):
    path = resolve("org/repo")
    found = find("org/repo", offline=True)
    hub.requests.clear()
    assert (found.path, found.mmproj) == (path, None)
    assert resolve("org/repo:Q4_K_M", offline=True) == path
    with pytest.raises(xlc.ModelNotFoundError, match="no quantization Q8_0"):
        resolve("org/repo:Q8_0", offline=True)
    with pytest.raises(xlc.ModelDownloadError, match="offline mode"):
        resolve("org/other", offline=True)
    assert hub.requests == []


def test_offline_mode_of_the_environment_counts(hub, repository):
    resolve("org/repo")
    hub.requests.clear()
    for name, status in (("org/repo", 0), ("org/other", 1)):
        program = subprocess.run(pulling(name), env={**os.environ, "HF_HUB_OFFLINE": "1"}, timeout=60)
        assert program.returncode == status
    assert hub.requests == []


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_hub_that_fails_does_not_take_away_what_is_here(hub, repository, capfd, status):
    path = resolve("org/repo")
    hub.faults = [Fault("hub:/api/models", status=status)]
    assert resolve("org/repo") == path
    assert "taking org/repo from the cache" in capfd.readouterr().err


def test_a_hub_that_is_gone_does_not_either(repository, monkeypatch):
    path = resolve("org/repo")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert resolve("org/repo") == path


def test_a_new_version_that_cannot_be_had_does_not_take_away_the_old_one(hub, repository, waits, capfd):
    path = resolve("org/repo")
    repository.files[FILE] = content(5)
    hub.faults = [Fault("cdn:", times=99, status=503)]
    assert resolve("org/repo") == path
    assert "taking org/repo from the cache" in capfd.readouterr().err
    hub.faults = []
    assert resolve("org/repo").read_bytes() == content(5)


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
    monkeypatch.setattr("filelock._unix.lock_fd_nonblocking", refuse_flock)
    lock = hub_folder() / "x.lock"
    with locks.held(lock, lambda: None):
        assert lock.with_suffix(".lease").exists()
        assert locks.is_held(lock)
    assert not locks.is_held(lock)
    assert resolve("org/repo").read_bytes() == Q4


def refuse_flock(descriptor):
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


def test_very_large_files_are_left_to_huggingface_hub(hub, repository, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE", 100_000)
    monkeypatch.setattr("xllamacpp.models.hub.hf_hub_download", lambda *arguments, **options: called.append(arguments))
    called = []
    resolve("org/repo")
    assert called == [("org/repo", FILE)]
    assert hub.ranges(FILE) == []


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


def test_a_user_without_a_home_is_told_to_name_a_folder(hub, monkeypatch):
    # What Python answers for a user that the system does not know.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for name in ("XLLAMACPP_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(xlc.ModelDownloadError, match="name a folder in XLLAMACPP_CACHE"):
        resolve("demo")


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
