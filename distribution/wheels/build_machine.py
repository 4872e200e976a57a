"""What a build or a test needs from the system, and how to install what is missing there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

# By package manager: its command, and its names for what is needed.
_PACKAGES = {
    "apt-get": (
        "apt-get install",
        {"compiler": "g++", "headers": "python3-dev", "gtest": "libgtest-dev", "cargo": "cargo"},
    ),
    "dnf": (
        "dnf install",
        {"compiler": "gcc-c++", "headers": "python3-devel", "gtest": "gtest-devel", "cargo": "cargo"},
    ),
    "zypper": (
        "zypper install",
        {"compiler": "gcc-c++", "headers": "python3-devel", "gtest": "gtest", "cargo": "cargo"},
    ),
    "pacman": ("pacman -S", {"compiler": "gcc", "headers": "python", "gtest": "gtest", "cargo": "rust"}),
    "apk": ("apk add", {"compiler": "g++", "headers": "python3-dev", "gtest": "gtest-dev", "cargo": "cargo"}),
    "brew": ("brew install", {"compiler": "gcc", "headers": "python", "gtest": "googletest", "cargo": "rust"}),
}


def what_is_missing(*, native_tests: bool) -> str:
    """Say what a build (and the C++ tests) cannot do without and this machine lacks; empty where all is there."""
    needs = {
        "compiler": (
            "a C++17 compiler and its library (GCC 11, Clang 14 or newer)",
            _compiles(
                "#include <charconv>\nint main() { char t[32]; return std::to_chars(t, t + 32, 0.5f).ptr == t; }"
            ),
        ),
        "headers": ("Python's headers (Python.h)", Path(sysconfig.get_path("include"), "Python.h").exists()),
    }
    if native_tests:
        needs["gtest"] = ("GoogleTest, for the C++ tests", _compiles("#include <gtest/gtest.h>\nint main() {}"))
    missing = {key: what for key, (what, is_there) in needs.items() if not is_there}
    if not missing:
        return ""
    return "\n".join(["this needs:", *(f"  - {what}" for what in missing.values()), *_how_to_install(missing)])


def what_is_lost() -> str:
    """Say what a build goes on without; empty where all is there."""
    if shutil.which("cargo") or (Path.home() / ".cargo" / "bin" / "cargo").exists():
        return ""
    return "\n".join(
        [
            "no cargo: the build goes on without LLGuidance (JSON schemas then go through GBNF)",
            *_how_to_install(["cargo"]),
        ]
    )


def _compiles(source: str) -> bool:
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if not compiler:
        return False
    command = [*compiler.split(), "-std=c++17", "-fsyntax-only", "-x", "c++", "-"]
    return subprocess.run(command, input=source, text=True, capture_output=True).returncode == 0


def _how_to_install(keys: Iterable[str]) -> list[str]:
    """Return the command for this machine's package manager; for each known one where there is none."""
    found = [manager for manager in _PACKAGES if shutil.which(manager)][:1] or list(_PACKAGES)
    commands = [(command, [names[key] for key in keys]) for command, names in (_PACKAGES[each] for each in found)]
    return [f"install with `{command} {' '.join(names)}`" for command, names in commands]
