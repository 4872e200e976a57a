"""What a build for ARM stands on: the tools, and an ARM Debian's root. A small mmdebstrap of ours makes it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines import debian_packages
from wheels import cross_build
from wheels.cross_build import TARGET, TOOLCHAIN, CrossBuildError


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a mmdebstrap that notes its calls and packs a small root; in the end it fails if told to."""
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        f"""#!/bin/sh -e
        cd {tmp_path}
        echo "$*" >> calls
        mkdir -p made/usr/include/python3.11 made/dev
        touch made/dev/null
        mkdir -p made/lib/aarch64-linux-gnu made/usr/lib/aarch64-linux-gnu
        echo maths > made/lib/aarch64-linux-gnu/libm.so.6
        ln -sf /lib/aarch64-linux-gnu/libm.so.6 made/usr/lib/aarch64-linux-gnu/libm.so
        for last; do case $last in *.tar) tar --create --file="$last" --directory=made .;; esac; done
        test ! -e fail || exit 25
        """
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(debian_packages, "is_debian", lambda: False)
    return tmp_path


def calls(machine):
    return (machine / "calls").read_text().splitlines()


def test_the_root_is_made_once_and_again_where_it_would_be_another(machine, monkeypatch):
    root = cross_build.make_root()
    assert sorted(path.name for path in root.iterdir()) == ["dev", "lib", "usr"]
    assert not list((root / "dev").iterdir())
    assert [path.name for path in sorted(root.parent.iterdir())] == ["lock", "made_by", "root"]
    (root / "old").touch()
    assert cross_build.make_root() == root
    assert len(calls(machine)) == 1
    monkeypatch.setattr(cross_build, "_PACKAGES", ("python3",))
    assert not (cross_build.make_root() / "old").exists()
    assert "--include=python3 " in calls(machine)[1]


def test_its_libraries_are_found_where_it_is_not_mounted(machine):
    library = cross_build.make_root() / "usr" / "lib" / "aarch64-linux-gnu" / "libm.so"
    assert library.is_symlink()
    assert library.read_text() == "maths\n"


def test_one_that_fails_leaves_no_archive_and_is_made_again(machine):
    (machine / "fail").touch()
    with pytest.raises(CrossBuildError, match=r"mmdebstrap .* bookworm .* failed \(25\): see above"):
        cross_build.make_root()
    assert [path.name for path in (machine / "cache" / "xllamacpp" / "debian-arm64").iterdir()] == ["lock"]
    (machine / "fail").unlink()
    assert list(cross_build.make_root().iterdir())


def test_the_packages_come_from_the_mirror_that_this_machine_uses():
    mirror = debian_packages.DebianMirror("http://mirror.example/debian", "trixie", ('Acquire::Check-Date "false";',))
    command = cross_build.command(Path("root.tar"), mirror)
    assert '--aptopt=Acquire::Check-Date "false";' in command
    sources = command[command.index("root.tar") + 1 :]
    assert sources == [f"deb http://mirror.example/debian {suite} main" for suite in ("bookworm", "bookworm-updates")]


def test_without_the_tools_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CrossBuildError) as error:
        cross_build.check_tools()
    _, packages, rust = str(error.value).splitlines()
    assert packages == "  apt-get install clang-19 lld-19 llvm-19 mmdebstrap qemu-user"
    assert rust == f"  rustup target add {TARGET}"


def test_what_is_there_is_not_asked_for(tmp_path, monkeypatch):
    for name in ("clang-19", "ld.lld-19", "llvm-strip", "mmdebstrap", "qemu-aarch64", "rustc"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {tmp_path}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    cross_build.check_tools()
    # rustc names a folder for each target that it knows, and none for others.
    for without in ("echo /nowhere", "exit 1"):
        (tmp_path / "rustc").write_text(f"#!/bin/sh\n{without}\n")
        with pytest.raises(CrossBuildError, match=r":\n  rustup target add \S+$"):
            cross_build.check_tools()


def test_the_toolchain_builds_for_the_target():
    assert f"set(XLLAMACPP_RUST_TARGET {TARGET})\n" in TOOLCHAIN.read_text(encoding="utf-8")


def test_the_build_is_told_of_the_root(machine):
    root = cross_build.make_root()
    settings = cross_build.settings(root)
    assert settings[::2] == ["-C"] * (len(settings) // 2)
    assert f"cmake.define.XLLAMACPP_SYSROOT={root}" in settings
    assert f"cmake.define.Python_INCLUDE_DIR={root}/usr/include/python3.11" in settings
