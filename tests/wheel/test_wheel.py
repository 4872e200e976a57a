"""The wheel file: what is in it, what it links to, what it costs to import."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import xllamacpp as xlc

CHECKOUT = Path(__file__).resolve().parents[2]
WHEEL = os.environ.get("XLLAMACPP_WHEEL")
LARGEST_BYTES = 34_000_000

# What every Linux of the wheel's tag has. OpenSSL's are linked where the build machine had it.
SYSTEM_LIBRARIES = re.compile(r"(ld-linux.*|lib(c|m|dl|pthread|rt|gcc_s|stdc\+\+|ssl|crypto))\.so\.\d+")
OUR_LIBRARIES = re.compile(r"lib[a-z-]+-xlc\.so|libggml-(cpu-\w+|cuda|hip|vulkan)\.so")

pytestmark = pytest.mark.skipif(
    WHEEL is None or sys.platform != "linux",
    reason="these look into a Linux wheel: XLLAMACPP_WHEEL names the file (`nox -s tests` sets it)",
)


@pytest.fixture(scope="module")
def wheel():
    with zipfile.ZipFile(WHEEL) as archive:
        yield archive


@pytest.fixture(scope="module")
def names(wheel):
    return wheel.namelist()


@pytest.fixture(scope="module")
def binaries(wheel, names, tmp_path_factory):
    """Every ELF file in the wheel, by its path in it."""
    folder = tmp_path_factory.mktemp("wheel")
    found = {name: ELFFile.load_from_path(wheel.extract(name, folder)) for name in names if name.endswith(".so")}
    assert found
    yield found
    for elf in found.values():
        elf.close()


def dynamic(elf, tag):
    section = elf.get_section_by_name(".dynamic")
    attribute = tag.removeprefix("DT_").lower()
    return [getattr(entry, attribute) for entry in section.iter_tags(tag)]


def in_lib(binaries):
    return {Path(name).name: elf for name, elf in binaries.items() if name.startswith("xllamacpp/lib/")}


def test_the_tests_run_on_the_installed_wheel(wheel):
    assert CHECKOUT / "xllamacpp" not in Path(xlc.__file__).resolve().parents
    installed = Path(xlc._build_info._core.__file__).with_name("build_info.json").read_bytes()
    assert wheel.read("xllamacpp/_native/build_info.json") == installed


def test_one_wheel_serves_every_python_from_3_11():
    assert re.fullmatch(rf"xllamacpp-{re.escape(xlc.__version__)}-cp311-abi3-\w+\.whl", Path(WHEEL).name)


def test_every_module_that_was_built_is_there(names):
    files = {Path(name).name for name in names if name.startswith("xllamacpp/lib/")}
    modules = {f"libggml-{name}.so" for name in xlc.BUILD_INFO["modules"]}
    assert modules == {name for name in files if not name.endswith("-xlc.so")}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the names are those of x86-64 processors")
def test_the_cpu_modules_reach_from_the_oldest_to_the_newest():
    cpu = [name for name in xlc.BUILD_INFO["modules"] if name.startswith("cpu-")]
    assert {"cpu-x64", "cpu-sse42", "cpu-haswell", "cpu-skylakex", "cpu-zen4", "cpu-sapphirerapids"} <= set(cpu)
    assert len(cpu) >= 14


def test_everything_is_stripped(binaries):
    for name, elf in binaries.items():
        sections = {section.name for section in elf.iter_sections()}
        assert ".dynsym" in sections
        assert not {section for section in sections if section == ".symtab" or section.startswith(".debug")}, name


def test_libraries_are_found_beside_each_other_and_nowhere_else(binaries):
    for name, elf in binaries.items():
        paths = ":".join(dynamic(elf, "DT_RUNPATH") + dynamic(elf, "DT_RPATH")).split(":")
        allowed = {"$ORIGIN"} if name.startswith("xllamacpp/lib/") else {"$ORIGIN", "$ORIGIN/../lib"}
        assert paths, name
        assert set(paths) <= allowed, name


def test_every_needed_library_is_ours_or_the_systems(binaries):
    libraries = set(in_lib(binaries))
    for name, elf in binaries.items():
        foreign = {needed for needed in dynamic(elf, "DT_NEEDED") if not SYSTEM_LIBRARIES.fullmatch(needed)}
        assert foreign <= libraries, name


def test_sonames_are_ours_alone(binaries):
    # The dynamic linker goes by the SONAME: two packages with one name in a process share the library loaded first.
    sonames = {name: dynamic(elf, "DT_SONAME") for name, elf in in_lib(binaries).items()}
    for name, soname in sonames.items():
        assert OUR_LIBRARIES.fullmatch(name), name
        assert soname in ([name], []), name
    used = [soname[0] for soname in sonames.values() if soname]
    assert len(used) == len(set(used))


def test_the_extension_exports_its_entry_point_alone(binaries):
    # What a static library inside exports would take the place of another package's symbol of the same name.
    (extension,) = (elf for name, elf in binaries.items() if name.startswith("xllamacpp/_native/_core"))
    symbols = extension.get_section_by_name(".dynsym").iter_symbols()
    exported = {s.name for s in symbols if s["st_shndx"] != "SHN_UNDEF" and s["st_info"]["bind"] == "STB_GLOBAL"}
    assert exported == {"PyInit__core"}


def test_there_are_no_links_and_no_sources(wheel, names):
    assert not [entry.filename for entry in wheel.infolist() if stat.S_ISLNK(entry.external_attr >> 16)]
    assert not [name for name in names if Path(name).suffix in {".pyx", ".pxd", ".cpp", ".h", ".a", ".cmake"}]
    assert not [
        name for name in names if not name.startswith(("xllamacpp/", f"xllamacpp-{xlc.__version__}.dist-info/"))
    ]


def test_types_come_along(names):
    assert {"xllamacpp/py.typed", "xllamacpp/_native/_core.pyi"} <= set(names)


def test_licences_come_along(names):
    licences = {name.partition("/licenses/")[2] for name in names if ".dist-info/licenses/" in name}
    assert {"LICENSE", "llama.cpp/LICENSE", "cpp-httplib/LICENSE"} <= licences
    assert ("llguidance/LICENSE" in licences) == bool(xlc.BUILD_INFO["llguidance"])


def test_the_wheel_is_small():
    size = Path(WHEEL).stat().st_size
    print(f"the wheel has {size / 1e6:.1f} MB")
    assert size < LARGEST_BYTES


# Seconds differ from run to run and from machine to machine; what the time goes into does not.
COST = """
import json, sys

def mapped():
    spans = (line.split() for line in open("/proc/self/maps"))
    ends = (span[0].split("-") for span in spans if ".so" in span[-1])
    return sum(int(end, 16) - int(start, 16) for start, end in ends)

def count(frame, event, argument):
    global calls
    calls += event in ("call", "c_call")

calls, modules, libraries = 0, set(sys.modules), mapped()
sys.setprofile(count)
import PACKAGE
sys.setprofile(None)
print(json.dumps({"calls": calls, "modules": len(set(sys.modules) - modules), "libraries": mapped() - libraries}))
"""


def import_cost(package):
    command = [sys.executable, "-c", COST.replace("PACKAGE", package)]
    # Twice: the first run may have to write the bytecode.
    _, output = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    return json.loads(output)


def test_import_costs_no_more_than_numpys():
    ours, numpys = import_cost("xllamacpp"), import_cost("numpy")
    print(f"import xllamacpp: {ours}; import numpy: {numpys}")
    for kind in ours:
        assert ours[kind] <= numpys[kind], kind


def test_import_leaves_the_command_line_and_the_network_alone():
    code = "import sys, xllamacpp; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "click", "http.client", "numpy", "requests", "rich", "socket", "subprocess"} & set(loaded)
