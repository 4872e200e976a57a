"""Base images: pulled where a registry answers, made where none does, and never taken for something they are not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests
from docker.errors import APIError, ImageNotFound, NotFound

from engines.debian_packages import DebianMirror
from engines.engine import Engine
from engines.errors import BaseImageError
from images.base_images import command, prepare, recipe
from matrix.bases import Base, StandIn

MIRROR = DebianMirror("http://mirror.example/debian", "bookworm", ('Acquire::Check-Valid-Until "false";',))
CUDA = StandIn(
    suite="trixie",
    components=("main", "non-free"),
    packages=("nvidia-cuda-toolkit", "g++"),
    path_excludes=("/usr/lib/*_static.a",),
)


def base(name: str = "registry.invalid/debian:slim", **stand_in: object) -> Base:
    return Base(name, None, "2.36", (), StandIn(**{"suite": "bookworm", **stand_in}))


def test_the_command_says_the_whole_recipe():
    made = command(CUDA, MIRROR)
    assert made[:2] == ["mmdebstrap", "--variant=minbase"]
    assert made[-4:] == ["trixie", "-", *MIRROR.sources("trixie", ["main", "non-free"])]
    assert {
        "--include=nvidia-cuda-toolkit,g++",
        *("--dpkgopt=path-exclude=/usr/lib/*_static.a", "--dpkgopt=path-exclude=/usr/share/doc/*"),
        '--aptopt=Acquire::Check-Valid-Until "false";',
    } <= set(made)


def test_a_system_without_further_packages_has_none_but_for_a_mirror_that_needs_certificates():
    assert not [word for word in command(StandIn(suite="bookworm"), MIRROR) if word.startswith("--include")]
    secure = DebianMirror("https://mirror.example/debian", "bookworm")
    assert "--include=ca-certificates" in command(StandIn(suite="bookworm"), secure)


def test_another_recipe_or_mirror_is_another_image():
    others = [
        (StandIn(suite="bookworm"), MIRROR),
        (StandIn(suite="trixie"), MIRROR),
        (StandIn(suite="bookworm", packages=("g++",)), MIRROR),
        (StandIn(suite="bookworm", path_excludes=("/usr/games/*",)), MIRROR),
        (StandIn(suite="bookworm"), DebianMirror("http://other.example/debian", "bookworm")),
    ]
    assert len({recipe(*other) for other in others}) == len(others)
    # What the matrix says beside the recipe changes nothing in the image.
    assert recipe(StandIn(suite="bookworm", gcc=12, glibc="2.36"), MIRROR) == recipe(*others[0])


class Registry:
    """An engine's client, whose images are ``known`` and whose registry answers with ``answers``, by reference."""

    def __init__(self, known=(), answers=None):
        self.known, self.answers, self.pulled = set(known), answers or {}, []
        self.images = SimpleNamespace(get=self.get)
        self.api = SimpleNamespace(pull=self.pull)

    def get(self, reference):
        if reference not in self.known:
            raise ImageNotFound("no such image")

    def pull(self, repository, tag, stream, decode):
        self.pulled.append((repository, tag))
        answer = self.answers.get(repository, [{"status": "Pull complete"}])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        pass


@pytest.fixture
def registry(monkeypatch):
    """Make an engine for a client, which is also the one that pulls."""

    def make(**options):
        client = Registry(**options)
        monkeypatch.setattr("docker.from_env", lambda environment, timeout: client)
        return client, Engine(client, {}, has_bridge=True)

    return make


def test_what_is_there_is_used_and_what_is_not_is_pulled(registry):
    client, engine = registry(known=["debian:bookworm-slim"])
    digest = "sha256:" + "0" * 64
    pinned = Base("registry.example:5000/nvidia/cuda:12.4", digest, "2.35", (), CUDA)
    assert prepare(engine, [base("debian:bookworm-slim"), pinned, base("debian:trixie-slim")]) is False
    assert client.pulled == [("registry.example:5000/nvidia/cuda", digest), ("debian", "trixie-slim")]


NO_REGISTRY = [
    APIError("dial", explanation="dial tcp: lookup registry.invalid: no such host"),
    requests.exceptions.ReadTimeout("read timed out"),
    [{"status": "Pulling"}, {"error": "unexpected EOF"}],
]


@pytest.mark.parametrize("answer", NO_REGISTRY)
def test_where_no_registry_answers_an_image_without_stand_in_is_an_error_with_both_reasons(registry, answer, capsys):
    _, engine = registry(answers={"registry.invalid/debian": answer})
    bases = [base("debian:bookworm-slim"), base(none="Debian's newest CUDA is 12.4")]
    with pytest.raises(BaseImageError, match=r"has no stand-in: Debian's newest CUDA is 12\.4"):
        prepare(engine, bases)
    reason = capsys.readouterr().out
    assert reason.startswith("registry.invalid/debian:slim cannot be pulled: ")
    assert any(word in reason for word in ("no such host", "no answer within 30 s (ReadTimeout)", "unexpected EOF"))


def test_a_name_that_the_registry_does_not_have_is_never_replaced(registry):
    _, engine = registry(answers={"registry.invalid/debian": NotFound("404", explanation="manifest unknown")})
    with pytest.raises(BaseImageError, match=r"no registry\.invalid/debian:slim, or wants a login: manifest unknown"):
        prepare(engine, [base()])


def test_on_another_system_than_debian_none_is_made(registry, monkeypatch):
    monkeypatch.setattr("engines.debian_packages.is_debian", lambda: False)
    _, engine = registry(answers={"registry.invalid/debian": NO_REGISTRY[0]})
    with pytest.raises(BaseImageError, match="stand-ins are made on Debian alone"):
        prepare(engine, [base()])
