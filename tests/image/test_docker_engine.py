"""What builds and containers rely on in the engine: caches, secrets, stages without a network, ports, and names."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import time
import uuid

import httpx
import pytest
from docker.errors import ImageNotFound

from engines.errors import BuildError, ComposeError

pytestmark = pytest.mark.docker

# With its name in the first command, so that nothing comes from what an earlier test has built.
DOCKERFILE = """\
FROM {base} AS work
RUN : {name}
ARG NUMBER
RUN --mount=type=cache,target=/cache,id={name} echo "$NUMBER" >> /cache/numbers && cp /cache/numbers /numbers
RUN --mount=type=secret,id=word sha256sum < /run/secrets/word > /sum
RUN --network=none ls /sys/class/net > /interfaces
FROM scratch AS dist
COPY --from=work /numbers /sum /interfaces /
"""

# Perl is part of every Debian; it answers one request after another.
SERVE = """perl -MIO::Socket::INET -e '
$listener = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
while ($peer = $listener->accept) {
  while (<$peer>) { last if /^\\r?$/ } print $peer "HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n"; close $peer }'"""

FETCH = """perl -MIO::Socket::INET -e '
$peer = IO::Socket::INET->new("server:8080") or die "$@"; print $peer "GET / HTTP/1.0\\r\\n\\r\\n"; print <$peer>'"""

COMPOSE = """\
services:
  server: {image: "${IMAGE}", init: true, command: [sh, -c, "${SERVER}"]}
  client: {image: "${IMAGE}", init: true, command: [sh, -c, "${CLIENT}"]}
"""


@pytest.fixture
def name(client):
    """A name that nothing else has; the image that gets it is removed."""
    made = f"xllamacpp-test-{uuid.uuid4().hex[:8]}"
    yield made
    with contextlib.suppress(ImageNotFound):
        client.images.remove(made, force=True)


@pytest.fixture
def project(tmp_path, slim_image, name):
    """A folder with a Dockerfile."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(base=slim_image, name=name))
    return tmp_path


def test_a_cache_outlives_a_build_and_a_stage_comes_out_as_files(engine, project):
    for number in ("1", "2"):
        options = {"build_args": {"NUMBER": number}, "secrets": {"word": "text"}, "output": project / "out"}
        assert engine.build(project / "Dockerfile", context=project, target="dist", **options) is None
    assert (project / "out" / "numbers").read_text() == "1\n2\n"
    assert (project / "out" / "interfaces").read_text() == "lo\n"


def test_a_check_reads_the_file_and_builds_nothing(engine, project, slim_image, name):
    dockerfile = project / "Dockerfile"
    dockerfile.write_text(f"FROM {slim_image} AS work\nRUN false {name}\n")
    engine.check(dockerfile, context=project)
    dockerfile.write_text(f"FROM {slim_image} AS work\nFROM ${{OTHER}} AS rest\nENV PASSWORD={name}\n")
    with pytest.raises(BuildError, match=f"BuildKit's check of {dockerfile} failed"):
        engine.check(dockerfile, context=project, build_args={"OTHER": slim_image})


def test_a_secret_reaches_the_build_and_no_layer(engine, project, name):
    secret = uuid.uuid4().hex
    word = project / "word"
    word.write_text(secret)
    image = engine.build(
        project / "Dockerfile", context=project, target="work", tags=[name], secrets={"word": word}, timeout=300
    )
    assert f"{name}:latest" in image.tags
    sums = []
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as archive:
        for member in filter(tarfile.TarInfo.isfile, archive):
            content = archive.extractfile(member).read()
            assert secret.encode() not in content
            sums.append(subprocess.run(["sha256sum"], input=secret.encode(), capture_output=True).stdout in content)
    assert any(sums)


def test_a_build_that_fails_is_an_error_with_its_stage(engine, project):
    with pytest.raises(BuildError, match=r"stage work failed \(\d+\): see above"):
        # Without its secret.
        engine.build(project / "Dockerfile", context=project, target="work")


def answer_of(url: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url).text
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_published_port_is_reached_from_this_machine(engine, client, slim_image):
    assert engine.has_bridge, "this engine has no network of its own for containers"
    options = {"ports": {"8080/tcp": ("127.0.0.1", None)}, "detach": True, "init": True}
    container = client.containers.run(slim_image, ["sh", "-c", SERVE], **options)
    try:
        container.reload()
        (binding,) = container.ports["8080/tcp"]
        assert answer_of(f"http://127.0.0.1:{binding['HostPort']}/") == "hello\n"
    finally:
        container.remove(force=True)


def test_services_of_a_compose_project_find_each_other_by_name(engine, client, slim_image, tmp_path, name):
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    options = {
        "project": name,
        "files": [tmp_path / "compose.yaml"],
        "environment": {"IMAGE": slim_image, "SERVER": SERVE, "CLIENT": FETCH},
    }
    try:
        engine.compose("up", "--detach", "server", **options)
        assert "hello" in engine.compose("run", "--rm", "client", **options)
        with pytest.raises(ComposeError, match="no such service: nobody"):
            engine.compose("up", "nobody", **options)
    finally:
        engine.compose("down", "--volumes", **options)
    assert not client.networks.list(names=[f"{name}_default"])
