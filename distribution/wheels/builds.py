"""Builds the wheel of this machine for nox's sessions, and installs it where they run."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import nox

from wheels import build_machine

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
WHEEL_TREE = BUILD / "wheel"
DIST = ROOT / "dist"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")


def check_tools(session: nox.Session, *, native_tests: bool = False) -> None:
    """Say what is missing on this machine before anything is built."""
    if missing := build_machine.what_is_missing(native_tests=native_tests):
        session.error(missing)
    if lost := build_machine.what_is_lost():
        session.warn(lost)


def make_build_environment(session: nox.Session) -> None:
    """Make the environment that builds: one for all sessions, as CMake's cache remembers where its tools are."""
    if not build_tool("python").exists():
        session.run(sys.executable, "-m", "virtualenv", "--quiet", str(BUILD / "tools"), external=True)
    requires = [*PROJECT["build-system"]["requires"], *nox.project.dependency_groups(PROJECT, "build")]
    run_build_tool(session, "python", "-m", "pip", "install", "--quiet", *requires)


def build_tool(name: str) -> Path:
    """Return a program of the environment that builds."""
    return BUILD / "tools" / "bin" / name


def run_build_tool(session: nox.Session, name: str, *arguments: str, **environment: str) -> None:
    """Run a program of the environment that builds, which finds its neighbours there too."""
    path = os.pathsep.join([str(build_tool(name).parent), os.environ["PATH"]])
    session.run(str(build_tool(name)), *arguments, external=True, env={"PATH": path, **environment})


def build_wheel(
    session: nox.Session, *settings: str, native_tests: bool = False, folder: Path | None = None, **environment: str
) -> Path:
    """Build the wheel in a tree that stays, so that only what changed is built again; a `folder` has its own."""
    make_build_environment(session)
    tree, dist = (folder / "tree", folder) if folder else (WHEEL_TREE, DIST)
    options = [*settings, *(session.posargs if session.name == "wheel" else []), "-C", f"build-dir={tree}"]
    forget_other_settings(tree, options)
    if native_tests:
        options += ["-C", "cmake.define.XLLAMACPP_BUILD_TESTS=ON"]
    for old in dist.glob("xllamacpp-*.whl"):
        old.unlink()
    if not (tree / "CMakeCache.txt").exists():
        # A whole build takes minutes: ninja's count says how far it is.
        options.append("--verbose")
    pip_wheel = ("-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", str(dist))
    run_build_tool(session, "python", *pip_wheel, *options, **environment)
    (wheel_file,) = dist.glob("xllamacpp-*.whl")
    return wheel_file


def forget_other_settings(tree: Path, options: list[str]) -> None:
    """Drop CMake's cache where the build was set up otherwise: it would remember the other settings for ever."""
    names = re.compile(r"XLLAMACPP_(BUILD_\w+|CPU)|CMAKE_\w+|CC|CXX|C(XX|PP)?FLAGS|LDFLAGS|SOURCE_DATE_EPOCH")
    settings = json.dumps([options, {k: v for k, v in sorted(os.environ.items()) if names.fullmatch(k)}])
    stamp = tree / "settings.json"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != settings:
        (tree / "CMakeCache.txt").unlink(missing_ok=True)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(settings, encoding="utf-8")


def install_wheel(session: nox.Session, wheel_file: Path, *others: str) -> None:
    """Install the wheel, its dependencies and others into the session's own environment."""
    session.install(*PROJECT["project"]["dependencies"], *others)
    # The version stays while one works on it: pip would take the old build for the new.
    session.install("--no-deps", "--force-reinstall", str(installable(wheel_file)))


def installable(wheel_file: Path) -> Path:
    """Return the wheel, or a copy under a name that pip takes here: the tag is that of the newest library in it.

    Where this machine's C library is older, a GPU module stays out of use, and the core is tested all the same.
    """
    name = re.sub(r"-manylinux_\d+_\d+_(\w+)\.whl$", r"-linux_\1.whl", wheel_file.name)
    if name == wheel_file.name:
        return wheel_file
    copy = BUILD / "installable" / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(wheel_file, copy))
