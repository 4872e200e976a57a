"""Finds llama.cpp's headers, and reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from clang import cindex
from clang.cindex import Cursor, CursorKind, Type

from llama_cpp_header.defaults import default_of, evaluate
from llama_cpp_header.header import Enumeration, Header, HeaderError, Member
from llama_cpp_header.kinds import element_type, plain_kind

CHECKOUT = Path(__file__).resolve().parents[2]

# No parameter is of these types, but the table has them.
_MORE_ENUMS = {
    "common_params_sampling_config",
    "ggml_backend_dev_type",
    "llama_context_type",
    "llama_model_kv_override_type",
}

_CONSTANTS = re.compile(
    r"^\s*(?:#\s*define\s+)?"
    r"(LLAMA_DEFAULT_SEED|GGML_DEFAULT_N_THREADS|GGML_MAX_(?:DIMS|NAME|N_THREADS|OP_PARAMS|SRC)|GGML_ROPE_TYPE_\w+)\b",
    re.MULTILINE,
)


def pinned_tree() -> Path:
    """Return where the build has the pinned llama.cpp: CMake's own recipe says it, and fetches what is not there."""
    cmake = shutil.which("cmake")
    if not cmake:
        raise HeaderError("cmake is not installed; it knows where the pinned llama.cpp is (pip install cmake)")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "pinned_tree.cmake")
        recipe = CHECKOUT / "native" / "cmake"
        script.write_text(
            f'include("{recipe.as_posix()}/llama_cpp_pin.cmake")\n'
            f'include("{recipe.as_posix()}/llama_cpp_fetch.cmake")\n'
            'message(STATUS "tree=${LLAMA_CPP_DIR}")\n',
            encoding="utf-8",
        )
        command = [cmake, f"-DPython_EXECUTABLE={sys.executable}", "-P", str(script)]
        result = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"tree=(.+)", result.stdout)
    if result.returncode or not found:
        raise HeaderError(f"CMake does not find the pinned llama.cpp:\n{result.stdout}{result.stderr}")
    return Path(found[1])


@cache
def _system_folders() -> tuple[str, ...]:
    """Return where the compiler has its headers; libclang comes without any."""
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if not compiler:
        raise HeaderError("there is no C++ compiler, whose standard library llama.cpp's headers include")
    command = [*compiler.split(), "-E", "-x", "c++", "-", "-v"]
    # The compiler says it in the user's language else.
    environment = {**os.environ, "LC_ALL": "C"}
    told = subprocess.run(command, input="", capture_output=True, text=True, env=environment).stderr
    found = re.search(r"#include <\.\.\.> search starts here:\n(.*?)End of search list", told, re.DOTALL)
    if not found:
        raise HeaderError(f"`{' '.join(command)}` does not say where its headers are:\n{told}")
    return tuple(line.strip() for line in found[1].splitlines() if "(framework directory)" not in line)


def read(tree: Path) -> Header:
    """Read the structures of parameters, their enumerations and the constants.

    Parameters
    ----------
    tree : Path
        A checkout of llama.cpp, or as much of one as the build has.
    """
    folders = [f"-I{tree / part}" for part in ("common", "include", "ggml/include", "vendor", "src")]
    system = [word for folder in _system_folders() for word in ("-isystem", folder)]
    headers = [*tree.glob("include/*.h"), *tree.glob("ggml/include/*.h")]
    constants = sorted({name for path in headers for name in _CONSTANTS.findall(path.read_text(encoding="utf-8"))})
    # Macros or enumerators: as initialisers they are all the same.
    lines = ['#include "common.h"', *(f"static const auto constant_{name} = {name};" for name in constants)]
    unit = cindex.Index.create().parse(
        "parameters.cpp",
        args=["-x", "c++", "-std=c++17", *folders, *system],
        unsaved_files=[("parameters.cpp", "\n".join(lines) + "\n")],
        options=cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES,
    )
    # What clang finds wrong with another compiler's library is no matter as long as it goes on.
    problems = [
        str(problem)
        for problem in unit.diagnostics
        if problem.severity >= cindex.Diagnostic.Fatal
        or (problem.severity >= cindex.Diagnostic.Error and _is_below(tree, problem.location.file))
    ]
    if problems:
        raise HeaderError("\n".join([f"libclang cannot read llama.cpp's headers in {tree}:", *problems]))

    header = Header(used=set(_MORE_ENUMS))
    reader = _Reader(header)
    for declaration in _declarations(unit.cursor):
        name = declaration.spelling
        if declaration.kind == CursorKind.VAR_DECL and name.startswith("constant_"):
            header.constants[name.removeprefix("constant_")] = int(evaluate(declaration) or 0)
        elif not declaration.is_definition() or not _is_below(tree, declaration.location.file):
            continue
        elif declaration.kind == CursorKind.ENUM_DECL:
            header.enums[name] = _read_enumeration(declaration)
        elif declaration.kind == CursorKind.STRUCT_DECL and name == "common_params":
            reader.read_structure(declaration)
    if not header.structures:
        raise HeaderError(f"{tree / 'common' / 'common.h'} defines no common_params")
    return header


def _is_below(tree: Path, file: cindex.File | None) -> bool:
    return file is not None and Path(file.name).is_relative_to(tree)


def _declarations(cursor: Cursor) -> Iterator[Cursor]:
    for child in cursor.get_children():
        if child.kind in {CursorKind.LINKAGE_SPEC, CursorKind.UNEXPOSED_DECL}:
            yield from _declarations(child)
        else:
            yield child


def _place(cursor: Cursor) -> str:
    return f"{Path(cursor.location.file.name).name}:{cursor.location.line}"


def _read_enumeration(declaration: Cursor) -> Enumeration:
    constants = [child for child in declaration.get_children() if child.kind == CursorKind.ENUM_CONSTANT_DECL]
    return Enumeration(
        {constant.spelling: constant.enum_value for constant in constants},
        {constant.spelling: _place(constant) for constant in constants},
    )


class _Reader:
    """Follows the structures from ``common_params`` down.

    Parameters
    ----------
    header : Header
        Where the structures go.
    """

    def __init__(self, header: Header) -> None:
        self._header = header

    def read_structure(self, declaration: Cursor) -> None:
        """Read a structure, and those that its members hold."""
        name = declaration.spelling
        if name not in self._header.structures:
            members = self._header.structures[name] = {}
            for member in _fields(declaration):
                members[member.spelling] = Member(
                    structure=name,
                    name=member.spelling,
                    written=member.type.spelling.removeprefix("enum ").removeprefix("struct "),
                    type=member.type.get_canonical().spelling,
                    kind=self._kind(member.type),
                    default=default_of(member),
                    place=_place(member),
                )

    def _kind(self, type: Type) -> dict[str, Any]:
        """Return a type as the table has it, and read what it refers to."""
        kind = plain_kind(type)
        declaration = type.get_canonical().get_declaration()
        if kind["kind"] == "enum":
            self._header.used.add(kind["name"])
        elif kind["kind"] == "structure":
            self.read_structure(declaration.get_definition() or declaration)
        elif element := element_type(type):
            kind["of"] = self._kind(element)
        return kind


def _fields(declaration: Cursor) -> Iterator[Cursor]:
    for child in declaration.get_children():
        if child.kind == CursorKind.FIELD_DECL:
            yield child
        elif child.kind in {CursorKind.UNION_DECL, CursorKind.STRUCT_DECL} and child.is_anonymous():
            yield from _fields(child)
