"""A wheel file, read: its members, its metadata, and what its libraries say of themselves."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType, TracebackType
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerSymSection
from elftools.elf.sections import Symbol, SymbolTableSection

from wheels.archive import BUILD_INFO

_ELF = b"\x7fELF"
# What gates read in BUILD_INFO without asking whether it is there.
_BUILD_INFO_KINDS: Mapping[str, tuple[type, ...]] = {
    "backends": (list,),
    "modules": (list,),
    "options": (dict,),
    "llguidance": (str, type(None)),
    "openssl": (str, type(None)),
}


class WheelFileError(Exception):
    """Something that a gate has to read is not there, or cannot be read."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


class Library:
    """A shared library, read.

    Parameters
    ----------
    name : str
        Its path in the wheel.
    content : bytes
        The file.

    Raises
    ------
    WheelFileError
        It is none, or has no section headers.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        try:
            self._elf = ELFFile(io.BytesIO(content))
        except ELFError as error:
            raise WheelFileError(name, f"is no shared library ({error})") from None
        # The dynamic linker does without them; what gates look for is found by them.
        if not self._elf.num_sections():
            raise WheelFileError(name, "has no section headers, by which the gates read it: strip it by strip alone")

    @property
    def file_name(self) -> str:
        """The name without the folder."""
        return PurePosixPath(self.name).name

    @property
    def needed(self) -> list[str]:
        """The libraries that it links to."""
        return self._tags("needed")

    @property
    def runpath(self) -> list[str]:
        """The folders that it looks for them in."""
        return [path for tag in self._tags("runpath") for path in tag.split(":")]

    @property
    def rpath(self) -> list[str]:
        """The folders of its RPATH, which goes before a user's LD_LIBRARY_PATH."""
        return [path for tag in self._tags("rpath") for path in tag.split(":")]

    @property
    def soname(self) -> str | None:
        """The name that the dynamic linker knows it by."""
        return next(iter(self._tags("soname")), None)

    @property
    def sections(self) -> list[str]:
        """The names of its sections."""
        return [section.name for section in self._elf.iter_sections()]

    @property
    def exported(self) -> set[str]:
        """The symbols that others can link to."""
        # Weak ones are the standard library's own templates, the same in whatever was compiled with it.
        return {s.name for s in self._symbols if s["st_shndx"] != "SHN_UNDEF" and s["st_info"]["bind"] == "STB_GLOBAL"}

    @property
    def defined(self) -> set[str]:
        """The symbols that others find in it, weak ones too."""
        return {s.name for s in self._symbols if s["st_shndx"] != "SHN_UNDEF"}

    @property
    def wanted(self) -> set[str]:
        """The symbols that it cannot be loaded without, but for those of a version: they say whose they are."""
        versions = self._elf.get_section_by_name(".gnu.version")
        return {
            symbol.name
            for number, symbol in enumerate(self._symbols)
            if symbol["st_shndx"] == "SHN_UNDEF"
            and symbol["st_info"]["bind"] == "STB_GLOBAL"
            and not (isinstance(versions, GNUVerSymSection) and isinstance(versions.get_symbol(number)["ndx"], int))
        }

    def section(self, name: str) -> bytes | None:
        """Return what a section holds; None where there is no such section."""
        found = self._elf.get_section_by_name(name)
        return None if found is None else bytes(found.data())

    @cached_property
    def _symbols(self) -> list[Symbol]:
        table = self._elf.get_section_by_name(".dynsym")
        return [*table.iter_symbols()] if isinstance(table, SymbolTableSection) else []

    def _tags(self, name: str) -> list[str]:
        # The segment is what the dynamic linker goes by.
        segments = (segment for segment in self._elf.iter_segments() if isinstance(segment, DynamicSegment))
        return [str(getattr(tag, name)) for each in segments for tag in each.iter_tags(f"DT_{name.upper()}")]


class WheelFile:
    """A wheel file, for a ``with`` block.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    WheelFileError
        It is no zip archive, or is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise WheelFileError(str(path), f"cannot be read as a wheel: {error}") from None

    def __enter__(self) -> WheelFile:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.archive.close()

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return self.path.stat().st_size

    @cached_property
    def sha256(self) -> str:
        """The file's hash."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def names(self) -> list[str]:
        """Its members but for folders, in the archive's order."""
        return [name for name in self.archive.namelist() if not name.endswith("/")]

    def read(self, name: str) -> bytes:
        """Return what a member holds.

        Raises
        ------
        WheelFileError
            There is no such member, or it is damaged.
        """
        try:
            return self.archive.read(name)
        except KeyError:
            raise WheelFileError(name, "is missing: build the wheel again") from None
        except zipfile.BadZipFile as error:
            raise WheelFileError(name, f"is damaged ({error}): build the wheel again") from None

    @cached_property
    def dist_info(self) -> str:
        """The folder of the metadata.

        Raises
        ------
        WheelFileError
            There is not exactly one.
        """
        found = {name.partition("/")[0] for name in self.names if name.partition("/")[0].endswith(".dist-info")}
        if len(found) != 1:
            raise WheelFileError(self.path.name, f"has {len(found)} dist-info folders: a wheel has one")
        return found.pop()

    @cached_property
    def licences(self) -> Mapping[str, bytes]:
        """The licence texts, by their path under ``licenses``."""
        return self._below("licenses")

    @cached_property
    def sboms(self) -> Mapping[str, bytes]:
        """The lists of what is inside, by file name."""
        return self._below("sboms")

    @cached_property
    def build_info(self) -> Mapping[str, Any]:
        """What ``xllamacpp.BUILD_INFO`` is.

        Raises
        ------
        WheelFileError
            It is missing, no JSON, or lacks something that gates go by.
        """
        try:
            info = json.loads(self.read(BUILD_INFO))
        except ValueError as error:
            raise WheelFileError(BUILD_INFO, f"is no JSON ({error}): build the wheel again") from None
        if not isinstance(info, dict):
            raise WheelFileError(BUILD_INFO, f"is no JSON object but {type(info).__name__}: build the wheel again")
        for name, kinds in _BUILD_INFO_KINDS.items():
            if name not in info or not isinstance(info[name], kinds):
                told = repr(info[name]) if name in info else "missing"
                raise WheelFileError(BUILD_INFO, f"{name} is {told}: see native/cmake/build_info.cmake")
        return MappingProxyType(info)

    @cached_property
    def library_names(self) -> list[str]:
        """The paths of what is called a shared library, and of what is one."""
        return [name for name in self.names if ".so" in PurePosixPath(name).suffixes or self._begins_as_elf(name)]

    @cached_property
    def libraries(self) -> Mapping[str, Library]:
        """Every shared library, by its path in the wheel."""
        return {name: Library(name, self.read(name)) for name in self.library_names}

    def _begins_as_elf(self, name: str) -> bool:
        with self.archive.open(name) as member:
            return member.read(len(_ELF)) == _ELF

    def _below(self, folder: str) -> dict[str, bytes]:
        start = f"{self.dist_info}/{folder}/"
        return {name.removeprefix(start): self.read(name) for name in self.names if name.startswith(start)}
