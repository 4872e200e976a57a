"""Which engine is taken, what is said where there is none, and how the docker command is called."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from engines import available
from engines.engine import Engine
from engines.errors import BuildError, ComposeError, EngineUnavailableError
from engines.private_engine import PrivateEngine

# A docker command that notes its arguments and its secrets, and does what the files in its folder say.
FAKE = """#!/bin/sh
cd {folder}
echo "$*" >> calls
env | grep '^XLLAMACPP_SECRET' >> variables
case "$*" in
  "context inspect"*) cat address ;;
  "version "*) cat version 2>/dev/null || {{ echo "Cannot connect to the Docker daemon" >&2; exit 1; }} ;;
  "buildx version") test ! -e no_buildx ;;
  "compose version") test ! -e no_compose ;;
  *)
    for argument; do case "$argument" in --iidfile=*) printf sha256:1 > "${{argument#*=}}" ;; esac; done
    if test -e hang; then exec sleep 60; fi
    if test -e fail; then echo "it went wrong"; exit 17; fi
    echo "it went well"
esac
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a docker command whose engine answers as version 28, and the only one that is found."""
    command = tmp_path / "docker"
    command.write_text(FAKE.format(folder=tmp_path))
    command.chmod(0o755)
    answer(tmp_path, {"Version": "28.5.2+dfsg4"})
    (tmp_path / "address").write_text(f"unix://{tmp_path}/engine.sock")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path


@pytest.fixture
def private(tmp_path, monkeypatch):
    """A private engine that cannot be started, as this is not root's."""
    monkeypatch.setattr("engines.debian_packages.is_debian", lambda: True)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return PrivateEngine(tmp_path / "private")


def answer(folder: Path, server: object) -> None:
    (folder / "version").write_text(json.dumps(server))


def no_command(folder: Path) -> None:
    (folder / "docker").unlink()


def no_engine(folder: Path) -> None:
    (folder / "version").unlink()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (no_command, "there is no docker command"),
        (no_engine, r"no engine at unix://\S+/engine.sock: Cannot connect to the Docker daemon"),
        (lambda folder: answer(folder, None), "it does not answer as Docker does"),
        (lambda folder: answer(folder, {"Version": "20.10.24"}), "is 20.10.24; 25 or newer is needed"),
        (lambda folder: (folder / "no_buildx").touch(), "no buildx plugin"),
        (lambda folder: (folder / "no_compose").touch(), "no compose plugin"),
        (
            lambda folder: (folder / "address").write_text("fd://"),
            "the docker command reaches fd://, but Python does not",
        ),
    ],
)
def test_without_an_engine_it_tells_both_reasons_and_what_to_do(folder, private, change, reason):
    change(folder)
    for start in (lambda: available.engine(private).__enter__(), lambda: available.keep(private)):
        with pytest.raises(EngineUnavailableError) as caught:
            start()
        text = str(caught.value)
        assert re.search(reason, text), text
        assert "it needs root, and this is user 1000" in text
        assert "Install Docker Engine 25 or newer with its buildx and compose plugins" in text


def test_the_private_engine_says_what_keeps_it_from_running(private, monkeypatch, tmp_path):
    monkeypatch.setattr("engines.debian_packages.KEYRING", tmp_path / "missing.gpg")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError) as caught:
        private.keep()
    for reason in ("needs root", "apt-get, dpkg-deb, unshare, setpriv, mount not found", "debian-archive-keyring"):
        assert reason in str(caught.value)


def test_a_machine_that_is_no_debian_is_told_so(private, monkeypatch):
    monkeypatch.setattr("engines.debian_packages.is_debian", lambda: False)
    with pytest.raises(EngineUnavailableError, match="this machine is no Debian"):
        private.keep()


def test_two_sessions_do_not_share_what_ends_with_one_of_them(private):
    other = PrivateEngine(private.folder)
    with private._held(), pytest.raises(EngineUnavailableError, match="another session has the private engine"):
        other.stop()
    assert other.stop() is False


class Images:
    """The SDK's images: the one that is asked for."""

    def get(self, name):
        return name


@pytest.fixture
def engine(folder):
    """An engine whose builds and compose projects go to the fake command."""
    return Engine(SimpleNamespace(images=Images()), {"PATH": f"{folder}:/usr/bin:/bin"}, has_bridge=True)


def arguments_of(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()[-1].split(" ")


def test_a_build_returns_its_image_and_passes_on_what_it_is_given(engine, folder):
    image = engine.build(
        Path("cpu.Dockerfile"),
        context=Path("/project"),
        target="runtime",
        tags=["xllamacpp:cpu", "xllamacpp:latest"],
        build_args={"ROW": "cpu-generic"},
        contexts={"wheels": "dist"},
    )
    assert image == "sha256:1"
    arguments = arguments_of(folder)
    assert arguments[:4] == ["buildx", "build", "--progress=plain", "--file=cpu.Dockerfile"]
    assert arguments[-1] == "/project"
    assert {
        *("--builder=default", "--target=runtime", "--tag=xllamacpp:cpu", "--tag=xllamacpp:latest"),
        *("--build-arg=ROW=cpu-generic", "--build-context=wheels=dist"),
    } <= set(arguments)
    assert "--network=host" not in arguments


def test_a_stage_can_come_out_as_files(engine, folder, tmp_path):
    assert engine.build(Path("cpu.Dockerfile"), target="dist", output=tmp_path / "out") is None
    assert f"--output=type=local,dest={tmp_path / 'out'}" in arguments_of(folder)


def test_a_secret_that_is_no_file_is_in_no_command_line(folder):
    engine = Engine(
        SimpleNamespace(images=Images()),
        {"PATH": f"{folder}:/usr/bin:/bin"},
        has_bridge=False,
        secrets={"cacert": Path("/etc/ssl/company.pem"), "pip.conf": "[global]"},
        build_args=["https_proxy"],
    )
    engine.build(Path("cpu.Dockerfile"), secrets={"token": "a word"})
    calls, variables = (folder / "calls").read_text(), (folder / "variables").read_text()
    assert "a word" not in calls
    assert "[global]" not in calls
    assert {"XLLAMACPP_SECRET_1=[global]", "XLLAMACPP_SECRET_2=a word"} == set(variables.splitlines())
    assert {
        *("--secret=id=cacert,src=/etc/ssl/company.pem", "--secret=id=pip.conf,env=XLLAMACPP_SECRET_1"),
        *("--secret=id=token,env=XLLAMACPP_SECRET_2", "--build-arg=https_proxy", "--network=host"),
    } <= set(arguments_of(folder))


def test_a_build_that_fails_or_hangs_says_which(engine, folder):
    (folder / "fail").touch()
    with pytest.raises(BuildError, match=r"build of cpu.Dockerfile, stage wheel failed \(17\): see above"):
        engine.build(Path("cpu.Dockerfile"), target="wheel")
    (folder / "hang").touch()
    with pytest.raises(BuildError, match=r"build of cpu\.Dockerfile took longer than 1 s"):
        engine.build(Path("cpu.Dockerfile"), timeout=1)


def test_compose_returns_what_it_says_or_raises_with_it(engine, folder):
    said = engine.compose("up", "--wait", project="p", files=[Path("a.yaml"), Path("b.yaml")], profiles=["cpu"])
    assert said == "it went well\n"
    assert arguments_of(folder) == [
        *("compose", "--progress=plain", "--project-name=p", "--file=a.yaml", "--file=b.yaml", "--profile=cpu"),
        *("up", "--wait"),
    ]
    (folder / "fail").touch()
    with pytest.raises(ComposeError, match=r"up failed \(17\):\nit went wrong"):
        engine.compose("up", project="p")
    (folder / "hang").touch()
    with pytest.raises(ComposeError, match="up took longer than 1 s"):
        engine.compose("up", project="p", timeout=1)
