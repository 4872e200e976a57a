"""The wheel for 64-bit ARM, built on another machine: by Clang, with the headers and libraries of an ARM Debian.

The build runs nothing of that Debian. It has a Python, with which qemu-aarch64 runs the wheel.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from filelock import FileLock

from engines import debian_packages
from engines.debian_packages import DebianMirror

TOOLCHAIN = Path(__file__).parents[2] / "native" / "cmake" / "toolchains" / "aarch64_linux.cmake"
TARGET = "aarch64-unknown-linux-gnu"
"""str: what Rust calls it, and uv."""
ENVIRONMENT: Mapping[str, str] = {"_PYTHON_HOST_PLATFORM": "linux-aarch64"}
"""mapping of str to str: by this variable Python, and so the wheel's tag, is another machine's."""

# Of those that Debian 12 has, the one that knows ARMv9.2 with SME.
_LLVM = "19"
_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "libpython3-dev", "libssl-dev", "libstdc++-12-dev", "python3")


class CrossBuildError(Exception):
    """What a build for another machine takes is missing, or could not be made."""


def check_tools() -> None:
    """See to it that this machine has what it takes to build for ARM, and to run that.

    Raises
    ------
    CrossBuildError
        Something is missing.
    """
    programs = {
        f"clang-{_LLVM}": f"clang-{_LLVM}",
        f"ld.lld-{_LLVM}": f"lld-{_LLVM}",
        # This machine's own strip does not know ARM's files; CMake takes either of these before it.
        f"llvm-strip-{_LLVM} llvm-strip": f"llvm-{_LLVM}",
        "mmdebstrap": "mmdebstrap",
        "qemu-aarch64": "qemu-user",
    }
    packages = [package for names, package in programs.items() if not any(map(shutil.which, names.split()))]
    commands = [f"apt-get install {' '.join(packages)}"] if packages else []
    if not _has_rust():
        commands.append(f"rustup target add {TARGET}")
    if commands:
        raise CrossBuildError(
            "\n".join(["building for ARM takes more than this machine has:", *(f"  {command}" for command in commands)])
        )


def make_root() -> Path:
    """Return the root of the ARM Debian; make it where it is not there yet.

    Raises
    ------
    CrossBuildError
        It could not be made.
    EngineError
        apt knows no mirror of Debian's.
    """
    # Every command line of the compiler has this path: in a checkout, others would find nothing in the compiler cache.
    folder = platformdirs.user_cache_path("xllamacpp") / "debian-arm64"
    root, archive, stamp = folder / "root", folder / "root.tar", folder / "made_by"
    mirror = debian_packages.machine_mirror() if debian_packages.is_debian() else None
    making = command(archive, mirror)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == shlex.join(making):
            return root
        try:
            _run(making)
            stamp.unlink(missing_ok=True)
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            # Only the superuser can make devices, and a build needs none.
            unpacking = ["tar", "--extract", f"--file={archive}", f"--directory={root}", "--no-same-owner"]
            _run([*unpacking, "--exclude=./dev/*"])
            _mend_links(root)
        finally:
            archive.unlink(missing_ok=True)
        stamp.write_text(shlex.join(making), encoding="utf-8")
    return root


def command(archive: Path, mirror: DebianMirror | None) -> list[str]:
    """Return the command that writes the root as an archive.

    Parameters
    ----------
    archive : Path
        The archive.
    mirror : DebianMirror or None
        Where the packages come from; None for where mmdebstrap looks by itself.
    """
    return [
        *("mmdebstrap", "--variant=extract", "--architectures=arm64", f"--include={','.join(_PACKAGES)}"),
        *([f"--aptopt={setting}" for setting in mirror.settings] if mirror else []),
        *(_SUITE, str(archive)),
        *(mirror.sources(_SUITE, ["main"]) if mirror else []),
    ]


def settings(root: Path) -> list[str]:
    """Return what the build is told, as pip takes it.

    Parameters
    ----------
    root : Path
        The root of the ARM Debian.
    """
    (headers,) = root.glob("usr/include/python3.*")
    options = {
        "CMAKE_TOOLCHAIN_FILE": TOOLCHAIN,
        "CMAKE_C_COMPILER": f"clang-{_LLVM}",
        "CMAKE_CXX_COMPILER": f"clang++-{_LLVM}",
        "XLLAMACPP_SYSROOT": root,
        "XLLAMACPP_LLGUIDANCE": "ON",
        "Python_INCLUDE_DIR": headers,
    }
    return [word for name, value in options.items() for word in ("-C", f"cmake.define.{name}={value}")]


def _mend_links(root: Path) -> None:
    # Debian's libm.so leads to /lib, which is another machine's here: the linker would take the static libm.a instead,
    # which is no part of a shared library.
    for path in root.glob("usr/lib/*-linux-gnu/*.so"):
        if path.is_symlink() and path.readlink().is_absolute():
            real = root / path.readlink().relative_to("/")
            path.unlink()
            path.symlink_to(os.path.relpath(real, path.parent))


def _has_rust() -> bool:
    path = os.pathsep.join([os.environ["PATH"], str(Path.home() / ".cargo" / "bin")])
    rustc = shutil.which("rustc", path=path)
    if not rustc:
        return False
    asking = [rustc, "--print=target-libdir", f"--target={TARGET}"]
    folder = subprocess.run(asking, capture_output=True, text=True).stdout.strip()
    return folder != "" and Path(folder).is_dir()


def _run(command: list[str]) -> None:
    if status := subprocess.run(command, stdin=subprocess.DEVNULL).returncode:
        raise CrossBuildError(f"{shlex.join(command)} failed ({status}): see above")
