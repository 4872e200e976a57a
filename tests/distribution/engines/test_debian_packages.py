"""Debian's own archive among apt's sources, and packages unpacked without touching what is installed."""

from __future__ import annotations

import pytest

from engines.debian_packages import choose_mirror, unpack
from engines.errors import EngineError

DEBIAN = "http://mirror.example/debian/|bookworm|main|Debian"
SECURITY = "http://mirror.example/debian-security/|bookworm-security|main|Debian"
TOR = "https://deb.example.org/torproject.org|bookworm|main|"


@pytest.mark.parametrize(
    ("targets", "uri"),
    [
        ([DEBIAN, SECURITY], "http://mirror.example/debian"),
        ([SECURITY, TOR, DEBIAN], "http://mirror.example/debian"),
        # Before the first `apt-get update` apt does not know the origin.
        ([TOR, "http://10.0.0.1:3142/debian|bookworm|main|"], "http://10.0.0.1:3142/debian"),
        (["http://mirror.example/packages|bookworm|main|Debian"], "http://mirror.example/packages"),
    ],
)
def test_the_mirror_is_the_one_that_this_machine_uses(targets, uri):
    assert choose_mirror(targets, "bookworm").uri == uri


def test_a_release_has_its_updates_and_sid_has_none():
    mirror = choose_mirror([SECURITY, DEBIAN], "bookworm")
    assert mirror.sources("trixie", ["main", "contrib"]) == [
        "deb http://mirror.example/debian trixie main contrib",
        "deb http://mirror.example/debian trixie-updates main contrib",
        "deb http://mirror.example/debian-security trixie-security main contrib",
    ]
    assert mirror.sources("sid", ["main"]) == ["deb http://mirror.example/debian sid main"]
    assert len(choose_mirror([DEBIAN], "bookworm").sources("trixie", ["main"])) == 2


@pytest.mark.parametrize("targets", [[], [TOR], [SECURITY], ["http://mirror.example/debian|bookworm|contrib|Debian"]])
def test_without_debians_own_archive_it_says_what_to_add(targets):
    with pytest.raises(EngineError, match=r"no source for Debian's own archive .*: add one"):
        choose_mirror(targets, "bookworm")


@pytest.fixture
def fake_apt(tmp_path, monkeypatch):
    """Programs like apt's and dpkg's: they note what they are called with, and have one package, ``found``."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    scripts = {
        "apt-get": """case "$*" in
            indextargets*) echo 'http://mirror.example/debian/|bookworm|main|Debian' ;;
            *missing/*) echo "E: Unable to locate package missing" >&2; exit 100 ;;
            *download*) touch found_1.0_amd64.deb ;;
            esac""",
        "apt-config": """echo 'Acquire::Check-Date "false";'""",
        "dpkg-deb": """mkdir -p "$3/usr/bin" && touch "$3/usr/bin/found" """,
    }
    for name, script in scripts.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n{script}\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    return calls


def test_packages_are_fetched_once_and_again_when_others_are_wanted(fake_apt, tmp_path):
    folder = tmp_path / "packages"
    unpack({"sid": ["found"]}, folder)
    assert (folder / "usr" / "bin" / "found").exists()
    calls = fake_apt.read_text()
    assert "download found/sid" in calls
    assert "Dir::State=" in calls
    assert " install " not in calls

    (folder / "old").touch()
    unpack({"sid": ["found"]}, folder)
    assert (folder / "old").exists()
    unpack({"sid": ["found"], "bookworm": ["other"]}, folder)
    assert not (folder / "old").exists()
    assert "download found/sid other/bookworm" in fake_apt.read_text()


def test_a_package_that_cannot_be_had_leaves_the_folder_as_it_was(fake_apt, tmp_path):
    folder = tmp_path / "packages"
    unpack({"sid": ["found"]}, folder)
    with pytest.raises(EngineError, match="Unable to locate package missing"):
        unpack({"sid": ["missing"]}, folder)
    assert (folder / "usr" / "bin" / "found").exists()
    assert not list(tmp_path.glob("unpacking-*"))
