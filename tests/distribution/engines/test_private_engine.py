"""The private engine's life: what is written down before it is made is removed, whoever made it and however it ended.

The tests that start one need root and Debian; the engine of this machine, where there is one, is left alone.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engines import available
from engines.debian_packages import DebianMirror
from engines.errors import EngineUnavailableError
from engines.isolation import find_isolated
from engines.private_engine import PrivateEngine, Record, obstacles
from engines.private_network import NetworkUnavailableError, PrivateNetwork
from engines.process import EngineProcess

NETWORK = PrivateNetwork("xlc-test", "172.31.0.0/16", forwarding_was_on=True)


@pytest.mark.parametrize("network", [NETWORK, None])
def test_a_record_is_read_as_it_was_written(tmp_path, network):
    record = Record(kept=True, folders=("/run/docker",), network=network)
    record.write(tmp_path / "record.json")
    assert Record.read(tmp_path / "record.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


@pytest.mark.parametrize("text", [None, "", '{"kept": tr'])
def test_a_record_that_is_not_there_or_broken_is_none(tmp_path, text):
    if text is not None:
        (tmp_path / "record.json").write_text(text)
    assert Record.read(tmp_path / "record.json") is None


@pytest.fixture
def removed(monkeypatch):
    """The networks that were removed, instead of removing them."""
    networks = []
    monkeypatch.setattr(PrivateNetwork, "remove", lambda network: networks.append(network))
    return networks


@pytest.mark.parametrize("kept", [True, False])
def test_what_a_killed_engine_left_is_removed_and_its_data_stays(tmp_path, removed, kept):
    engine = PrivateEngine(tmp_path / "docker")
    (engine.folder / "run" / "exec").mkdir(parents=True)
    (engine.folder / "data").mkdir()
    made, used = tmp_path / "made", tmp_path / "used"
    made.mkdir()
    (used / "by another").mkdir(parents=True)
    Record(kept, (str(made), str(used)), NETWORK).write(engine.folder / "run" / "record.json")
    assert not engine.is_kept

    assert engine.stop() is False
    assert removed == [NETWORK]
    assert not made.exists()
    assert used.exists()
    assert sorted(path.name for path in engine.folder.iterdir() if path.name != "lock") == ["data"]


@pytest.fixture
def without_bridge(tmp_path, monkeypatch):
    """An engine that is only configured and never run, on a machine that refuses it a bridge."""

    def refuse(network):
        raise NetworkUnavailableError("no bridge with a way out: Operation not permitted")

    monkeypatch.setattr(PrivateNetwork, "plan", lambda name: NETWORK)
    monkeypatch.setattr(PrivateNetwork, "create", refuse)
    monkeypatch.setattr("engines.private_engine.obstacles", list)
    monkeypatch.setattr(
        "engines.debian_packages.machine_mirror", lambda: DebianMirror("http://mirror.example", "bookworm")
    )
    monkeypatch.setattr("engines.debian_packages.unpack", lambda packages, folder: None)
    monkeypatch.setattr("engines.private_engine._DEFAULT_BRIDGE", tmp_path / "docker0")
    monkeypatch.setattr(EngineProcess, "start", lambda *_, **__: None)
    return PrivateEngine(tmp_path / "docker")


@pytest.mark.usefixtures("removed")
def test_where_no_bridge_can_be_made_containers_share_the_machines_network(without_bridge, capsys):
    with without_bridge.session():
        configuration = json.loads((without_bridge.folder / "run" / "daemon.json").read_text())
    assert configuration["bridge"] == "none"
    assert "Operation not permitted; containers share this machine's network" in capsys.readouterr().out


@pytest.mark.usefixtures("removed")
def test_the_bridge_of_another_engine_is_not_put_at_risk(without_bridge, tmp_path):
    (tmp_path / "docker0").touch()
    with pytest.raises(EngineUnavailableError, match="without a bridge, it would remove docker0"):
        without_bridge.keep()
    assert not (without_bridge.folder / "run").exists()


def test_a_folder_has_a_bridge_of_its_own_with_a_name_that_the_kernel_takes(tmp_path):
    names = {PrivateEngine(tmp_path / name).name for name in ("one", "two")}
    assert len(names) == 2
    assert all(len(name) <= 15 for name in names)


# With a real one.

needs_root_and_debian = pytest.mark.skipif(bool(obstacles()), reason=f"no private engine: {'; '.join(obstacles())}")

# Another engine's name its interfaces, and may come and go meanwhile.
_OUR_RULES = re.compile(r"-A (FORWARD|POSTROUTING) -[sd] [\d.]+/16( ! -d [\d.]+/16)? -j (ACCEPT|MASQUERADE)")

_SESSION = """
import sys, time
from pathlib import Path
from engines import available
from engines.private_engine import PrivateEngine
with available.engine(PrivateEngine(Path(sys.argv[1]))) as engine:
    print(engine.client.version()["Version"], flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of an engine: its packages are fetched once."""
    return tmp_path_factory.mktemp("engine")


@pytest.fixture
def private(folder, tmp_path, monkeypatch):
    """The engine in it, where no other is found; stopped in the end."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    before = traces(folder)
    engine = PrivateEngine(folder)
    yield engine
    engine.stop()
    assert traces(folder) == before


def traces(folder: Path) -> list[str]:
    """Return what an engine may leave: processes, mounts, interfaces, rules, control groups and sockets."""
    processes = psutil.process_iter(["cmdline"])
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout.splitlines()
    name = PrivateEngine(folder).name
    return [
        *(str(process) for process in processes if str(folder / "run") in " ".join(process.info["cmdline"] or ())),
        *(line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line),
        *(path.name for path in Path("/sys/class/net").iterdir() if path.name == name),
        *filter(_OUR_RULES.fullmatch, rules),
        *(str(path) for path in Path("/sys/fs/cgroup").rglob(name)),
        *(path for path in ("/run/docker.pid", "/run/docker.sock") if Path(path).exists()),
    ]


def run_a_container(private: PrivateEngine) -> None:
    """Run the engine's own init, a program that needs nothing beside it, in a container."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(private.folder / "packages" / "usr" / "bin" / "tini-static", "init")
    with available.engine(private) as engine:
        engine.client.api.import_image_from_data(packed.getvalue(), repository="init", tag="test")
        said = engine.client.containers.run("init:test", ["/init", "--version"], remove=True)
    assert said.startswith(b"tini version")


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, for a while; return whether it holds."""
    deadline = time.monotonic() + 30
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds


def run_session(private: PrivateEngine) -> subprocess.Popen[str]:
    """Start a session in a process of its own, and wait until it has the engine."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _SESSION, str(private.folder)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip(), "the session has no engine"
    return process


@pytest.mark.docker
@needs_root_and_debian
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_session_that_ends_early_takes_the_engine_with_it_and_the_next_one_begins_clean(private, how):
    before = traces(private.folder)
    with run_session(private) as session:
        with pytest.raises(EngineUnavailableError, match="another session has the private engine"):
            private.keep()
        assert traces(private.folder) != before
        session.send_signal(how)
    assert session.returncode not in (0, None)
    assert wait_until(lambda: find_isolated(str(private.folder / "run" / "daemon.json")) is None)
    with available.engine(private) as engine:
        assert engine.client.containers.list(all=True) == []
        assert engine.has_bridge
    assert traces(private.folder) == before


@pytest.mark.docker
@needs_root_and_debian
def test_one_that_is_kept_serves_any_session_until_it_is_stopped(private):
    said = available.keep(private)
    assert f"export DOCKER_HOST={private.environment['DOCKER_HOST']}" in said.splitlines()
    run_a_container(private)
    for _ in range(2):
        with available.engine(private) as engine, available.engine(PrivateEngine(private.folder)) as other:
            assert engine.client.info()["ID"] == other.client.info()["ID"]
    assert private.is_kept
    available.keep(private)
    assert private.stop() is True
    assert private.stop() is False


@pytest.mark.docker
@needs_root_and_debian
def test_one_that_cannot_start_says_why_and_leaves_nothing(private):
    before = traces(private.folder)
    # A file where its data should be.
    data = private.folder / "data"
    data.rename(private.folder / "kept")
    data.touch()
    try:
        with pytest.raises(EngineUnavailableError, match="does not start; the end of its log") as caught:
            private.keep()
    finally:
        data.unlink()
        (private.folder / "kept").rename(data)
    assert "canonical path points to a file" in str(caught.value)
    assert traces(private.folder) == before
    assert not (private.folder / "run").exists()
