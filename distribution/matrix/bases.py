"""The images that a row's image is built in and stands on, and how images like them are made of Debian's packages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def nothing() -> Mapping[str, str]:
    """Return the default of a mapping: an empty one that nobody can fill."""
    return MappingProxyType({})


@dataclass(frozen=True)
class StandIn:
    """How an image like another is made of Debian's packages, for a machine that reaches no registry.

    Parameters
    ----------
    suite : str
        Debian's release: ``bookworm``, ``trixie``, ``sid``.
    glibc : str
        The version of its C library, e.g. ``2.41``.
    components : tuple of str
        The parts of the archive that the packages are in.
    packages : tuple of str
        What is installed besides the smallest system.
    path_excludes : tuple of str
        Patterns of files that dpkg leaves out.
    gcc : int, optional
        The major version of the newest GCC that is used there.
    cmake : mapping
        The module's CMake options that are other than the row's.
    libraries, library_data : tuple of str, optional
        What is copied into the image instead of what the row names.
    none : str, optional
        Why there is no stand-in; then there is nothing else.
    """

    suite: str = ""
    glibc: str = ""
    components: tuple[str, ...] = ("main",)
    packages: tuple[str, ...] = ()
    path_excludes: tuple[str, ...] = ()
    gcc: int | None = None
    cmake: Mapping[str, str] = field(default_factory=nothing, hash=False)
    libraries: tuple[str, ...] | None = None
    library_data: tuple[str, ...] | None = None
    none: str | None = None

    @property
    def image(self) -> str:
        """The name that the stand-in is imported under: the same recipe has the same one, another has another."""
        recipe = repr((self.suite, self.components, self.packages, self.path_excludes))
        return f"xllamacpp-stand-in:{self.suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Base:
    """An image that ours is built in or stands on.

    Parameters
    ----------
    name : str
        Repository and tag.
    digest : str or None
        What the tag has to be, as ``sha256:…``; None where it is pinned by a release alone.
    glibc : str
        The version of its C library: what is linked here needs that or a newer one.
    packages : tuple of str
        What our Dockerfile installs in it.
    stand_in : StandIn
        An image like it, made of Debian's packages.
    gcc : int, optional
        The major version of its C++ compiler; none where nothing is compiled.
    """

    name: str
    digest: str | None
    glibc: str
    packages: tuple[str, ...]
    stand_in: StandIn
    gcc: int | None = None

    @property
    def reference(self) -> str:
        """What a Dockerfile's FROM takes."""
        return f"{self.name}@{self.digest}" if self.digest else self.name


@dataclass(frozen=True)
class Bases:
    """The images of a row.

    ``builder`` compiles the core, for the C library of ``oldest``; ``sdk`` the GPU module; ``runtime`` is what ships.
    """

    builder: Base
    oldest: Base
    runtime: Base
    sdk: Base | None = None

    @property
    def images(self) -> tuple[Base, ...]:
        """Those that the row has."""
        return tuple(base for base in (self.builder, self.oldest, self.sdk, self.runtime) if base)
