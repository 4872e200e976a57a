"""The table of parameters says what the pinned llama.cpp's headers say, and where it does not, how to mend it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import xllamacpp as xlc
from llama_cpp_header.changes import changes
from llama_cpp_header.comparison import compare
from llama_cpp_header.header import Filled, HeaderError, Unknown
from llama_cpp_header.kinds import kind_text
from llama_cpp_header.reading import pinned_tree, read
from xllamacpp._native import _core
from xllamacpp._native.structures import CLASSES

TESTS = Path(__file__).parents[1]

needs_the_pinned = pytest.mark.skipif(
    xlc.BUILD_INFO["llama_cpp_commit"] == "custom",
    reason="this wheel was built from a checkout of llama.cpp (XLLAMACPP_LLAMA_CPP_DIR)",
)


@pytest.fixture(scope="module")
def tree():
    return pinned_tree()


@pytest.fixture(scope="module")
def header(tree):
    return read(tree)


@pytest.fixture(scope="module")
def table():
    return {**_core.Params.table(), "defaults": {name: cls().to_dict() for name, cls in CLASSES.items()}}


@pytest.fixture
def edited(tree, tmp_path):
    """Change a copy of the headers in one place; return it and the first line that differs."""

    def edit(path, old, new):
        copy = tmp_path / "llama.cpp"
        for folder in ("common", "include", "ggml/include"):
            shutil.copytree(tree / folder, copy / folder, ignore=lambda _, names: [n for n in names if n[-2:] != ".h"])
        before = (copy / path).read_text()
        after, times = re.subn(old, new, before, count=1, flags=re.MULTILINE)
        assert times == 1
        (copy / path).write_text(after)
        pairs = zip(before.splitlines(), after.splitlines(), strict=False)
        return copy, next(number for number, (old, new) in enumerate(pairs, 1) if old != new)

    return edit


@pytest.fixture
def small_tree(tmp_path):
    """Write a tree whose ``common_params`` has these members."""

    def write(members, name="llama.cpp", before=""):
        path = tmp_path / name / "common" / "common.h"
        path.parent.mkdir(parents=True)
        includes = "".join(f"#include <{library}>\n" for library in ("cstdint", "map", "set", "string", "vector"))
        path.write_text(f"{includes}{before}\nstruct common_params {{\n{members}\n}};\n")
        return path.parents[1]

    return write


@needs_the_pinned
def test_the_table_says_what_llama_cpp_says(header, table):
    assert compare(header, table) == []
    # It did look at something.
    assert len(header.structures) > 15
    assert len(header.structures["common_params"]) > 200
    assert len(header.enums["ggml_type"].values) > 30
    assert header.constants["LLAMA_DEFAULT_SEED"] == 0xFFFFFFFF
    assert "GGML_ROPE_TYPE_NEOX" in header.constants


COMMON = "common/common.h"
EDITS = [
    pytest.param(
        COMMON,
        "^(?=    int32_t n_ctx )",
        "    int32_t new_field = 7;\n",
        'native/src/params/fields_compute.cpp: s.row(FIELD(new_field), "...");   // common_params::new_field, '
        "int32_t, common.h:{0}",
        id="a field is added",
    ),
    pytest.param(
        COMMON,
        "^(?=    bool +mask_valid )",
        "    std::vector<uint16_t> new_field;\n",
        'native/src/params/fields_compute.cpp: s.row(FIELD(new_field), "...");   // '
        "common_cpu_params::new_field, std::vector<uint16_t>, common.h:{0}",
        id="a field is added to a part",
    ),
    pytest.param(
        COMMON,
        "^(?=    int32_t n_ctx )",
        "    void * new_data = nullptr;\n",
        'native/src/params/fields_compute.cpp: s.omit("new_data", "...");   // common_params::new_data, void '
        "*, common.h:{0}",
        id="a handle is added",
    ),
    pytest.param(
        COMMON,
        r"^    bool lora_init_without_apply .*\n",
        "",
        "native/src/params/fields_model.cpp: remove s.row(FIELD(lora_init_without_apply), ...): common_params "
        "has no member lora_init_without_apply",
        id="a field is removed",
    ),
    pytest.param(
        COMMON,
        r"^    llama_progress_callback .*\n",
        "",
        'native/src/params/fields_model.cpp: remove s.omit("load_progress_callback", ...): common_params has '
        "no member load_progress_callback",
        id="a member that was left out is removed",
    ),
    pytest.param(
        COMMON,
        "int32_t n_keep ",
        "int64_t n_keep ",
        "native/src/params/fields_compute.cpp: the row of common_params::n_keep takes an integer from "
        "-2147483648 to 2147483647, but the member is int64_t (common.h:{0}): build again, and see whether the "
        "row still fits",
        id="a type is changed",
    ),
    pytest.param(
        COMMON,
        "std::vector<std::string> api_keys;",
        "std::vector<float> api_keys;",
        "native/src/params/fields_server.cpp: the row of common_params::api_keys takes list of string, but the "
        "member is std::vector<float> (common.h:{0}): build again, and see whether the row still fits",
        id="the type of elements is changed",
    ),
    pytest.param(
        COMMON,
        r"tensor_split\[128\]",
        "tensor_split[256]",
        "native/src/params/fields_compute.cpp: the row of common_params::tensor_split takes array 128 of "
        "number, but the member is float[256] (common.h:{0}): build again, and see whether the row still fits",
        id="an array is longer",
    ),
    pytest.param(
        COMMON,
        "(n_batch +=) +2048",
        r"\1 4 * 1024",
        "common_params::n_batch is 4096 by default (common.h:{0}), but 2048 in the table: build again, or name "
        "it in OWN_DEFAULTS of tests/llama_cpp_header/comparison.py",
        id="a default is changed",
    ),
    pytest.param(
        COMMON,
        "(lazy_mode =) LLAMA_LAZY_MODE_AUTO",
        r"\1 LLAMA_LAZY_MODE_OFF",
        "common_params::lazy_mode is LLAMA_LAZY_MODE_OFF by default (common.h:{0}), but LLAMA_LAZY_MODE_AUTO "
        "in the table: build again, or name it in OWN_DEFAULTS of tests/llama_cpp_header/comparison.py",
        id="the default of an enumeration is changed",
    ),
    pytest.param(
        COMMON,
        "(n_batch +=) +2048",
        r"\1 n_ctx * 2",
        "tests/llama_cpp_header/comparison.py: cannot tell the default of common_params::n_batch: n_ctx * 2 "
        "(common.h:{0})",
        id="a default cannot be told",
    ),
    pytest.param(
        COMMON,
        r"^struct common_params \{\n",
        "enum new_kind { NEW_KIND_ONE };\n"
        "struct new_part {\n"
        "    new_kind kind = NEW_KIND_ONE;\n"
        "};\n"
        "struct common_params {\n"
        "    std::vector<new_part> parts;\n",
        'native/src/params/fields_compute.cpp: s.row(FIELD(parts), "...");   // common_params::parts, '
        "std::vector<new_part>, common.h:{5}\n"
        "native/src/params/fields.h: structure_of<new_part>(), and in params.cpp's structures()   // "
        "common.h:{2}\n"
        'native/src/params/fields_*.cpp: s.row(FIELD(kind), "...");   // new_part::kind, new_kind, '
        "common.h:{2}\n"
        'native/src/params/enums.cpp: {{"new_kind", {{VALUE(NEW_KIND_ONE)}}}}, NAME(new_kind)   // common.h:{0}',
        id="a structure and an enumeration are added",
    ),
    pytest.param(
        COMMON,
        "^(?=    COMMON_GRAMMAR_TYPE_NONE)",
        "    COMMON_GRAMMAR_TYPE_NEW = -1,\n",
        "native/src/params/enums.cpp: VALUE(COMMON_GRAMMAR_TYPE_NEW)   // common_grammar_type, -1, common.h:{0}",
        id="an enumerator is added",
    ),
    pytest.param(
        COMMON,
        "COMMON_SAMPLER_TYPE_ADAPTIVE_P  = 12",
        "COMMON_SAMPLER_TYPE_ADAPTIVE_P  = 13",
        "native/src/params/enums.cpp: COMMON_SAMPLER_TYPE_ADAPTIVE_P is 13 (common.h:{0}), but 12 in the "
        "table: build again",
        id="an enumerator has another value",
    ),
    pytest.param(
        "include/llama.h",
        r"^ +LLAMA_SPLIT_MODE_TENSOR .*\n",
        "",
        "native/src/params/enums.cpp: remove VALUE(LLAMA_SPLIT_MODE_TENSOR): llama_split_mode has no such enumerator",
        id="an enumerator is removed",
    ),
]


@needs_the_pinned
@pytest.mark.parametrize(("path", "old", "new", "complaints"), EDITS)
def test_what_differs_is_named_with_what_to_do(edited, table, path, old, new, complaints):
    copy, line = edited(path, old, new)
    # {0} is the line of the edit, {1} the one after it.
    assert compare(read(copy), table) == complaints.format(*range(line, line + 10)).split("\n")


@needs_the_pinned
def test_a_constant_that_differs_is_named_too(header, table):
    ours = {**header.constants, "GGML_MAX_DIMS": 5, "GGML_NO_MORE": 1}
    del ours["GGML_MAX_SRC"]
    assert compare(header, {**table, "constants": ours}) == [
        "native/src/params/enums.cpp: GGML_MAX_DIMS is 4, but 5 in the table: build again",
        "native/src/params/enums.cpp: VALUE(GGML_MAX_SRC)   // constants(), 10",
        "native/src/params/enums.cpp: remove VALUE(GGML_NO_MORE): llama.cpp has no such constant",
    ]


MEMBERS = """
    bool on = !false;
    int32_t shift = 1 << 3;
    uint64_t large = 0xFFFFFFFFFFFFFFFF;
    size_t gibibyte = 1024 * 1024*1024;
    int32_t read = 3600;
    int32_t write = read;
    float third = 0.1f;
    float whole = 4;
    float endless = -1.0f / 0.0f;
    double exact = 0.1;
    colour shade = COLOUR_BLUE;
    std::string text = "a \\"b\\" " "\\n\u00e9";
    std::string copied = std::string("c");
    std::string joined = text + "d";
    std::vector<std::string> names = {"127.0.0.1"};
    std::vector<colour> colours = { COLOUR_BLUE, COLOUR_RED };
    std::vector<float> numbers{0.5f, 1};
    std::vector<std::vector<int>> nested = {{1, 2}, {3}};
    std::vector<size_t> margins = std::vector<size_t>(count(), 1 << 10);
    std::vector<int> threes = std::vector<int>(3, 3);
    std::set<int> ids = {3, 1};
    std::map<std::string, std::string> words;
    bool mask[4] = {false};
    float split[3] = {1, 2.5f};
    void * handle = nullptr;
    bool (*callback)(int) = NULL;
    int open;
    part inside;
    part given = {7};
    union { int64_t of_int; char of_text[2]; };
"""

# The default, and the kind of row that a member needs.
EXPECTED = {
    "on": (True, "boolean"),
    "shift": (8, "an integer from -2147483648 to 2147483647"),
    "large": (2**64 - 1, "an integer from 0 to 18446744073709551615"),
    "gibibyte": (2**30, "an integer from 0 to 18446744073709551615"),
    "read": (3600, "an integer from -2147483648 to 2147483647"),
    "write": (3600, "an integer from -2147483648 to 2147483647"),
    "third": (0.1, "number"),
    "whole": (4.0, "number"),
    "endless": ("-inf", "number"),
    "exact": (0.1, "number"),
    "shade": (5, "enum colour"),
    "text": ('a "b" \n\u00e9', "string"),
    "copied": ("c", "string"),
    "joined": (Unknown('text + "d"'), "string"),
    "names": (["127.0.0.1"], "list of string"),
    "colours": ([5, 0], "list of enum colour"),
    "numbers": ([0.5, 1.0], "list of number"),
    "nested": ([[1, 2], [3]], "list of list of an integer from -2147483648 to 2147483647"),
    "margins": (Filled(1024), "list of an integer from 0 to 18446744073709551615"),
    "threes": ([3, 3, 3], "list of an integer from -2147483648 to 2147483647"),
    "ids": ([3, 1], "set of an integer from -2147483648 to 2147483647"),
    "words": ({}, "map of string"),
    "mask": ([False] * 4, "array 4 of boolean"),
    "split": ([1.0, 2.5, 0.0], "array 3 of number"),
    "handle": (None, "pointer"),
    "callback": (None, "pointer"),
    "open": (0, "an integer from -2147483648 to 2147483647"),
    "inside": ({}, "structure part"),
    "given": (Unknown("{7}"), "structure part"),
    "of_int": (0, "an integer from -9223372036854775808 to 9223372036854775807"),
    "of_text": ([0, 0], "array 2 of an integer from -128 to 127"),
}


def test_types_and_defaults_are_the_compilers(small_tree):
    before = "enum colour { COLOUR_RED, COLOUR_BLUE = 5 };\nstruct part { int size = 1; };\nsize_t count();"
    header = read(small_tree(MEMBERS, before=before))
    members = header.structures["common_params"].values()
    assert {member.name: (member.default, kind_text(member.kind)) for member in members} == EXPECTED
    assert header.structures["part"]["size"].default == 1
    assert "colour" in header.used


@pytest.mark.parametrize(
    ("members", "complaint"),
    [("#include <no_such_header.h>", "'no_such_header.h' file not found"), ("no_such_type x;", "unknown type name")],
)
def test_headers_that_cannot_be_read_are_an_error(small_tree, members, complaint):
    with pytest.raises(HeaderError, match=complaint):
        read(small_tree(members))


def test_a_tree_without_the_parameters_is_an_error(small_tree):
    path = small_tree("") / "common" / "common.h"
    path.write_text("struct another {};")
    with pytest.raises(HeaderError, match="defines no common_params"):
        read(path.parents[1])


OLD = """
    int32_t n_same = 1;
    int32_t n_wider = 1;
    int32_t n_default = 1;
    std::string gone = "x";
    index n_index = 0;
    colour shade = RED;
"""
NEW = """
    int32_t n_same = 1;
    int64_t n_wider = 1;
    int32_t n_default = 2;
    index n_index = 0;
    colour shade = GREEN;
    std::vector<bool> mask = {true, true, true};
"""
CHANGES = """\
llama.cpp's parameters, their enumerations and the constants (+ new, - gone, ~ changed):
~ common_params::n_wider: int32_t = 1 -> int64_t = 1
~ common_params::n_default: int32_t = 1 -> int32_t = 2
~ common_params::n_index: int = 0 -> short = 0
~ common_params::shade: colour = RED -> colour = GREEN
+ common_params::mask: std::vector<bool> = {true, ...}
+ colour BLUE: 1
~ colour GREEN: 1 -> 2
+ GGML_MAX_DIMS: 4
- common_params::gone: std::string = "x"
"""


def test_the_program_prints_what_one_tree_changes(small_tree):
    old = small_tree(OLD, "old", "using index = int; enum colour { RED, GREEN };")
    new = small_tree(NEW, "new", '#include "ggml.h"\nusing index = short; enum colour { RED, BLUE, GREEN };')
    (new / "include").mkdir()
    (new / "include" / "ggml.h").write_text("#define GGML_MAX_DIMS 4\n")
    command = [sys.executable, "-m", "llama_cpp_header", str(old), str(new)]
    result = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=120
    )
    assert (result.returncode, result.stdout) == (0, CHANGES), result.stderr
    assert changes(read(new), read(new)) == "llama.cpp's parameters, their enumerations and the constants are the same."


def test_the_program_says_what_it_cannot_compare(small_tree):
    command = [sys.executable, "-m", "llama_cpp_header", str(small_tree("int n;")), "no such tree"]
    result = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 1
    assert "not compared" in result.stderr
    assert "'common.h' file not found" in result.stderr
