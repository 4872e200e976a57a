"""Stand-ins in a real engine: names and labels say what they are. A small mmdebstrap of ours makes them."""

from __future__ import annotations

import contextlib

import pytest
from docker.errors import ImageNotFound

from engines.debian_packages import DebianMirror
from engines.errors import BaseImageError
from images.base_images import STAND_IN_LABEL, prepare
from matrix.bases import Base, StandIn

pytestmark = pytest.mark.docker

# No name of a host ends so.
NOWHERE = Base("registry.invalid/debian:slim", None, "2.36", (), StandIn(suite="bookworm", packages=("a-test",)))
IMAGE = NOWHERE.stand_in.image


@pytest.fixture
def mmdebstrap(tmp_path, monkeypatch, client):
    """A mmdebstrap that notes its calls and writes a file system of one file; in the end it fails if told to."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("text")
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh
        echo "$TMPDIR $*" >> {tmp_path}/calls
        tar --create --directory {tmp_path}/tree .
        if test -e {tmp_path}/fail; then echo "E: no such package" >&2; exit 25; fi
        """
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("engines.debian_packages.is_debian", lambda: True)
    mirror = DebianMirror("http://mirror.example/debian", "bookworm")
    monkeypatch.setattr("engines.debian_packages.machine_mirror", lambda: mirror)
    yield tmp_path
    with contextlib.suppress(ImageNotFound):
        client.images.remove(IMAGE, force=True)


def test_a_stand_in_is_made_once_and_says_what_it_is(engine, client, mmdebstrap, capsys):
    assert prepare(engine, [NOWHERE]) is True
    image = client.images.get(IMAGE)
    assert image.tags == [IMAGE]
    assert image.labels[STAND_IN_LABEL] == "true"
    assert image.labels["io.xllamacpp.stand-in.suite"] == "bookworm"
    container = client.containers.create(IMAGE)
    try:
        assert b"text" in b"".join(container.get_archive("/file")[0])
    finally:
        container.remove()
    said = capsys.readouterr().out
    assert "registry.invalid/debian:slim cannot be pulled: " in said
    assert f"made a stand-in of Debian bookworm, {IMAGE}" in said

    assert prepare(engine, [NOWHERE, NOWHERE]) is True
    assert client.images.get(IMAGE).id == image.id
    assert len((mmdebstrap / "calls").read_text().splitlines()) == 1
    assert prepare(engine, [NOWHERE], again=True) is True
    assert len((mmdebstrap / "calls").read_text().splitlines()) == 2
    with pytest.raises(ImageNotFound):
        client.images.get(image.id)


def test_one_that_fails_in_the_middle_becomes_no_image_and_leaves_no_file(engine, client, mmdebstrap):
    (mmdebstrap / "fail").touch()
    before = {image.id for image in client.images.list(all=True)}
    with pytest.raises(BaseImageError, match=r"mmdebstrap .*--include=a-test bookworm.* failed \(25\): see above"):
        prepare(engine, [NOWHERE])
    assert {image.id for image in client.images.list(all=True)} == before
    assert [path.name for path in (mmdebstrap / "cache" / "xllamacpp" / "stand-ins").iterdir()] == ["lock"]


def test_without_mmdebstrap_it_says_what_to_install(engine, mmdebstrap, monkeypatch):
    monkeypatch.setenv("PATH", str(mmdebstrap))
    with pytest.raises(BaseImageError, match="not installed: apt-get install mmdebstrap"):
        prepare(engine, [NOWHERE])
