"""The machines that a wheel of ours says it is for: all that it depends on has to install on each of them."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from index.ledger import Dependency, ReleasedFile

# What platforms were called before a name had the C library's version.
_OLD_NAMES = {"manylinux2014": 17, "manylinux2010": 12, "manylinux1": 5}
# No tag is for an older C library.
_OLDEST = (2, 5)


@dataclass(frozen=True, order=True)
class Machine:
    """An x86-64 Linux with a CPython that is not free-threaded.

    Parameters
    ----------
    python : str
        The Python's version, e.g. ``3.11``.
    glibc : tuple of int
        The C library's version.
    """

    python: str
    glibc: tuple[int, int]

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"x86-64 Linux with CPython {self.python} and glibc {'.'.join(map(str, self.glibc))}"

    def is_meant(self, marker: Marker | None, extra: str = "") -> bool:
        """Whether a marker holds here, with an extra or without."""
        return marker is None or marker.evaluate({**self._environment, "extra": extra})

    def is_locked(self, marker: Marker | None) -> bool:
        """Whether a lock file's marker holds here."""
        return marker is None or marker.evaluate(self._environment, context="lock_file")

    def runs(self, requires_python: SpecifierSet | None) -> bool:
        """Whether its Python is one of those."""
        return requires_python is None or requires_python.contains(f"{self.python}.0")

    def takes(self, dependency: Dependency) -> bool:
        """Whether a wheel installs here."""
        wanted = dependency.requires_python
        tags = parse_wheel_filename(dependency.file)[3]
        return self.runs(SpecifierSet(wanted) if wanted else None) and not tags.isdisjoint(_tags(self))

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


def machines_of(record: ReleasedFile) -> list[Machine]:
    """Return the machines that a wheel is for: each of its Pythons, with the oldest C library that it runs on."""
    found = (glibc(tag.platform) for tag in parse_wheel_filename(record.wheel_name)[3])
    oldest = min((version for version in found if version), default=_OLDEST)
    return [Machine(python, oldest) for python in record.pythons]


def glibc(platform: str) -> tuple[int, int] | None:
    """Return the C library that a platform's tag asks for; None where it does not say."""
    found = re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", platform)
    return (int(found[1]), int(found[2])) if found else None


@functools.cache
def _tags(machine: Machine) -> frozenset[Tag]:
    minor = machine.glibc[1]
    platforms = [f"manylinux_2_{number}_x86_64" for number in range(_OLDEST[1], minor + 1)]
    platforms += [f"{name}_x86_64" for name, number in _OLD_NAMES.items() if number <= minor]
    major, _, rest = machine.python.partition(".")
    version, name = (int(major), int(rest)), f"cp{major}{rest}"
    return frozenset((*cpython_tags(version, [name], platforms), *compatible_tags(version, name, platforms)))
