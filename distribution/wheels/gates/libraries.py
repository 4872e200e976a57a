"""The shared libraries: what they link to and where they look for it, what they are called, what they let out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch

from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import Library, WheelFile

FOLDER = "xllamacpp/lib"
EXTENSION = "xllamacpp/_native/_core"
ENTRY_POINT = "PyInit__core"
_OURS = re.compile(r"lib[a-z-]+-xlc\.so")
_MODULE_ENTRY = "ggml_backend_init"
# How well a module suits this CPU: one of several is chosen by it.
_MODULE_SCORE = "ggml_backend_score"
# How the symbols begin that libraries outside of the wheel give, where those have no versions that say whose they are.
_PYTHONS = ("Py", "_Py")
_TOOLKITS = {"cuda": ("cu", "__cu"), "hip": ("hip", "__hip", "rocblas"), "vulkan": ("vk",)}
_LOST = re.compile(r"\.symtab|\.strtab|\.z?debug.*|\.gnu\.debuglto.*")


def module_of(wheel: WheelFile, target: Target) -> Library | None:
    """Return the row's GPU module; None where the row has none, or the wheel lacks it."""
    return wheel.libraries.get(f"{FOLDER}/libggml-{target.row.backend}.so") if target.row.is_gpu else None


def _needed(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    row, module = target.row, module_of(wheel, target)
    inside = {library.file_name for library in wheel.libraries.values()}
    for library in wheel.libraries.values():
        allowed = (*row.needed.core, *row.needed.module) if library is module else row.needed.core
        for name in library.needed:
            if not any(fnmatch(name, pattern) for pattern in allowed):
                part = "module" if library is module else "core"
                yield Finding(
                    library.name,
                    f"links to {name}, which users may not have: leave it out of the build, or name it in "
                    f"needed.{part} of the row {row.name}",
                )
            elif _OURS.fullmatch(name) and name not in inside:
                yield Finding(library.name, f"links to {name}, which the wheel does not hold")
    for name in sorted(set(row.needed.module) - set(module.needed if module else row.needed.module)):
        where = f"{FOLDER}/libggml-{row.backend}.so"
        yield Finding(where, f"does not link to {name}, which needed.module of the row {row.name} names: take it out")


def _runpath(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    inside = {library.file_name for library in wheel.libraries.values()}
    module = module_of(wheel, target)
    for library in wheel.libraries.values():
        if library.rpath:
            yield Finding(library.name, "has an RPATH, which users cannot override: link with --enable-new-dtags")
        paths = [*library.rpath, *library.runpath]
        brought = _extra_paths(target) if library is module else []
        for path in brought:
            if path not in paths:
                yield Finding(
                    library.name,
                    f"does not look in '{path}', where an extra of the row {target.row.name} brings libraries: see "
                    "native/cmake/module_runpath.cmake",
                )
        for path in paths:
            folder = posixpath.normpath(posixpath.join(posixpath.dirname(library.name), path[len("$ORIGIN/") :]))
            if path != "$ORIGIN" and not path.startswith("$ORIGIN/"):
                yield Finding(
                    library.name,
                    f"looks for libraries in '{path}', a folder of the machine that built it: CMAKE_INSTALL_RPATH is "
                    "to begin with $ORIGIN",
                )
            elif path not in ("$ORIGIN", *brought) and not folder.startswith("xllamacpp/"):
                yield Finding(library.name, f"looks for libraries in '{path}', which is outside of the package")
        if not paths and set(library.needed) & inside:
            yield Finding(library.name, "finds its neighbours by no path: CMAKE_INSTALL_RPATH is to be $ORIGIN")


def _extra_paths(target: Target) -> list[str]:
    up = "/".join(".." for _ in FOLDER.split("/"))
    extra = target.row.wheel.extra
    return [f"$ORIGIN/{up}/{folder}" for folder in extra.folders] if extra else []


def _sonames(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    # The dynamic linker goes by the SONAME: two packages with one name in a process share the library loaded first.
    modules = {f"libggml-{name}.so" for name in wheel.build_info["modules"]}
    owners: dict[str, str] = {}
    for library in wheel.libraries.values():
        if library.name.startswith(EXTENSION):
            continue
        if not _OURS.fullmatch(library.file_name) and library.file_name not in modules:
            yield Finding(
                library.name, "is called neither lib*-xlc.so, as no other package's, nor as a module of BUILD_INFO"
            )
        if not library.soname:
            continue
        if library.soname in owners:
            yield Finding(
                library.name, f"has the SONAME {library.soname} of {owners[library.soname]}: one of them is lost"
            )
        elif library.soname != library.file_name:
            yield Finding(library.name, f"has the SONAME {library.soname}, which is not its file's name")
        owners.setdefault(library.soname, library.name)
    for name in sorted(modules - {library.file_name for library in wheel.libraries.values()}):
        yield Finding(f"{FOLDER}/{name}", "is missing, and BUILD_INFO names it: build the wheel again")


def _stripped(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    for library in wheel.libraries.values():
        lost = [name for name in library.sections if _LOST.fullmatch(name)]
        if lost:
            yield Finding(library.name, f"is not stripped ({', '.join(lost[:3])}): see install.strip in pyproject.toml")


def _entry_point(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    extensions = [library for library in wheel.libraries.values() if library.name.startswith(EXTENSION)]
    if len(extensions) != 1:
        yield Finding(EXTENSION, f"is there {len(extensions)} times, and not once: build the wheel again")
    for extension in extensions:
        # What a static library inside exports would take the place of another package's symbol of the same name.
        others = sorted(extension.exported - {ENTRY_POINT})
        if others:
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            yield Finding(extension.name, f"exports {others[0]}{more}: see --exclude-libs in native/cmake/python.cmake")
        if ENTRY_POINT not in extension.exported:
            yield Finding(extension.name, f"does not export {ENTRY_POINT}: Python cannot import it")


def _symbols(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    module = module_of(wheel, target)
    neighbours = {library.file_name: library for library in wheel.libraries.values()}
    for library in wheel.libraries.values():
        others: tuple[str, ...] = _PYTHONS if library.name.startswith(EXTENSION) else ()
        if library is module:
            others = _TOOLKITS[target.row.backend]
        found = {symbol for linked in _linked(library, neighbours) for symbol in linked.defined}
        lost = sorted(symbol for symbol in library.wanted - found if not symbol.startswith(others))
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            yield Finding(
                library.name,
                f"needs {lost[0]}{more}, which no library that it links to has: compile all of the same sources",
            )
    for name in sorted(map(str, wheel.build_info["modules"])):
        where = f"{FOLDER}/libggml-{name}.so"
        # SONAMEs tells which are missing.
        if where not in wheel.libraries:
            continue
        entries = {_MODULE_ENTRY, *([_MODULE_SCORE] if name.startswith("cpu-") else [])}
        for symbol in sorted(entries - wheel.libraries[where].exported):
            yield Finding(
                where,
                f"does not export {symbol}, by which ggml takes a module: compile it with GGML_BACKEND_DL",
            )


def _linked(library: Library, neighbours: Mapping[str, Library]) -> list[Library]:
    """Return a library with all in the wheel that it is loaded with."""
    found = [library]
    for each in found:
        found += [neighbours[name] for name in each.needed if name in neighbours and neighbours[name] not in found]
    return found


NEEDED = Rule("NEEDED", "libraries link to nothing that the row does not name", _needed)
RUNPATH = Rule("RUNPATH", "libraries look beside themselves, and elsewhere only for what an extra brings", _runpath)
SONAMES = Rule("SONAMEs", "no library takes the place of another package's, or of another of ours", _sonames)
STRIPPED = Rule("stripped", "no symbols that only a debugger reads", _stripped)
ENTRY = Rule("entry point", "the extension exports its entry point alone", _entry_point)
SYMBOLS = Rule("symbols", "modules have their entry, and libraries find in the wheel what is ours", _symbols)
GATES = (NEEDED, RUNPATH, SONAMES, STRIPPED, ENTRY, SYMBOLS)
