"""Finishing a wheel: the same bytes each time, the row's name on it, everything that is inside listed and licensed."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest
from packageurl import PackageURL
from packaging.metadata import Metadata

import llama_cpp_pin
from doctored_wheels import BUILD_INFO, CHECKOUT, LIBRARY, REVISION, Doctored, release_of, sources
from wheels import bill_of_parts, compiled_in, finished_wheel
from wheels.archive import SBOM
from wheels.compiled_in import Part, PartsError
from wheels.gates.gate import Target
from wheels.gates.parts import PIN

CUDA = Target.of(CHECKOUT, "cuda-12.4")
PART = Part("a-part", "1.2", PackageURL("generic", None, "a-part", "1.2"), "Zlib", {"LICENSE": "a text"})


@pytest.fixture
def unfinished(finished, tmp_path):
    """A small wheel that can be finished as another row's."""
    return Doctored.of(finished, LIBRARY).write(tmp_path)


def test_the_build_of_an_image_is_given_all_that_it_imports(tmp_path):
    given = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    (tmp_path / "wheels").mkdir()
    for line in (line for line in given if line.startswith("!distribution/wheels/")):
        shutil.copy(CHECKOUT / line[1:], tmp_path / "wheels")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "wheels.finished_wheel", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def test_the_same_wheel_comes_out_the_same(unfinished, tmp_path):
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        copy = Path(shutil.copy(unfinished, tmp_path / name))
        made.append(finished_wheel.finish(copy, release_of(CUDA), [PART]).read_bytes())
    assert made[0] == made[1]


def test_the_row_is_on_it(unfinished):
    path = finished_wheel.finish(unfinished, release_of(CUDA), [PART])
    assert path.name == f"xllamacpp-{CUDA.version}-cp311-abi3-{CUDA.row.wheel.platform}.whl"
    assert [*path.parent.glob("*.whl")] == [path]
    info = f"xllamacpp-{CUDA.version}.dist-info"
    assert f"Tag: cp311-abi3-{CUDA.row.wheel.platform}\n".encode() in read(path, f"{info}/WHEEL")
    build = json.loads(read(path, BUILD_INFO))
    assert (build["version"], build["row"], build["revision"]) == (CUDA.version, "cuda-12.4", REVISION)
    assert build["options"]["GGML_CUDA_NCCL"] == "OFF"
    assert build["compiler"]
    assert set(build["tools"]) == {"cmake", "cython", "cython-cmake", "ninja", "pip", "scikit-build-core"}
    metadata = BytesParser().parsebytes(read(path, f"{info}/METADATA"))
    assert metadata["Version"] == CUDA.version
    assert metadata["License-Expression"] == "MIT AND Zlib"
    assert {"LICENSE", "a-part/LICENSE"} <= set(metadata.get_all("License-File"))
    assert "# xllamacpp" in metadata.get_payload()
    document = json.loads(read(path, f"{info}/sboms/{SBOM}"))
    assert {component["purl"] for component in document["components"]} == {"pkg:generic/a-part@1.2"}
    facts = {each["name"]: each["value"] for each in document["metadata"]["component"]["properties"]}
    assert facts["xllamacpp:row"] == "cuda-12.4"


def test_what_the_row_links_to_comes_by_its_extra_alone(unfinished, finished):
    path = finished_wheel.finish(unfinished, release_of(CUDA), [PART])
    metadata = Metadata.from_email(read(path, f"xllamacpp-{CUDA.version}.dist-info/METADATA"), validate=True)
    assert metadata.provides_extra == ["cuda"]
    added = [str(need) for need in metadata.requires_dist if need.marker and "extra" in str(need.marker)]
    assert added == [
        'nvidia-cublas-cu12<13,>=12.4; extra == "cuda"',
        'nvidia-cuda-runtime-cu12<13,>=12.4; extra == "cuda"',
    ]
    plain = read(finished, f"{Doctored.of(finished).info}/METADATA")
    assert b"Provides-Extra" not in plain
    assert len(metadata.requires_dist) - len(added) == len(Metadata.from_email(plain).requires_dist)


def test_a_build_that_knows_no_commit_says_so(unfinished):
    release = dataclasses.replace(release_of(CUDA), revision=None)
    assert json.loads(read(finished_wheel.finish(unfinished, release, []), BUILD_INFO))["revision"] is None


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["MIT", "MIT"], "MIT"),
        (["MIT", "Apache-2.0 OR MIT", "Zlib", ""], "MIT AND Zlib"),
        (["Zlib", "MIT OR Apache-2.0"], "Zlib AND (MIT OR Apache-2.0)"),
    ],
)
def test_licences_are_joined(licences, expected):
    assert bill_of_parts.combined(licences) == expected


def test_every_part_that_llama_cpp_carries_has_its_version_and_its_licence():
    if not sources().exists():
        pytest.skip(f"no build has kept its sources in {sources()}")
    found = {part.name: part for part in compiled_in.parts(CHECKOUT / "native", sources(), llguidance=False)}
    assert set(found) == {"llama.cpp", compiled_in.CPP_LIBRARY, *compiled_in.VENDORED}
    assert "Permission is hereby granted" in found["llamafile-sgemm"].texts["LICENSE"]
    assert "MIT No Attribution" in found["miniaudio"].texts["LICENSE"]
    assert "William Casarin" in found["rotate-bits"].texts["LICENSE"]
    yarn, tokenizer = found["yarn"].texts["LICENSE"], found["ggllm.cpp"].texts["LICENSE"]
    assert yarn.startswith("YaRN algorithm based on")
    assert "Copyright (c) 2023 Jeffrey Quesnelle and Bowen Peng.\n\nPermission is hereby granted" in yarn
    assert tokenizer.startswith("adapted from https://github.com/cmp-nct/ggllm.cpp [MIT License]\n")
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in tokenizer
    cpp = found.pop(compiled_in.CPP_LIBRARY)
    assert cpp.version[0].isdigit()
    assert "GNU GENERAL PUBLIC LICENSE" in "".join(cpp.texts.values())
    assert "GCC RUNTIME LIBRARY EXCEPTION" in "".join(cpp.texts.values()).upper()
    assert all(part.version[0].isdigit() and part.texts["LICENSE"].strip() for part in found.values())


def test_a_library_of_llama_cpp_that_nobody_has_listed_is_found():
    vendor = the_tree() / "vendor"
    libraries = [compiled_in.VENDORED[name] for name in compiled_in.VENDORED]
    listed = {library.text for library in libraries} | {lib.version[0] for lib in libraries if lib.version}
    folders = [path for path in vendor.rglob("*") if path.is_dir()]
    # A folder of folders is llama.cpp's own.
    carried = {
        str(path.relative_to(vendor)) for path in folders if not [each for each in folders if path in each.parents]
    }
    assert carried == {str(Path(path).parent.relative_to("vendor")) for path in listed if path.startswith("vendor/")}


def test_every_licence_that_llama_cpp_carries_for_others_is_listed():
    tree = the_tree()
    texts = [path for folder in ("vendor", "licenses") for path in (tree / folder).rglob("*") if path.is_file()]
    found = {str(path.relative_to(tree)) for path in texts if re.search("licen[cs]e|copying|notice", path.name.lower())}
    assert found <= {vendored.text for vendored in compiled_in.VENDORED.values()}


# What else of llama.cpp's tree names a licence: for other machines, or the same notes again.
NOT_COMPILED_IN = (
    "ggml/src/ggml-cpu/kleidiai/",
    "ggml/src/ggml-cuda/rope.cu",
    "ggml/src/ggml-sycl",
    "ggml/src/ggml-cann",
)


def test_every_source_of_llama_cpp_that_names_a_licence_is_listed():
    tree = the_tree()
    compiled = ("common", "include", "src", "tools/mtmd", "tools/server", "ggml/src/ggml-cpu", "ggml/src/ggml-cuda")
    compiled = (*compiled, "ggml/src/ggml-hip", "ggml/src/ggml-vulkan")
    files = [path for folder in compiled for path in (tree / folder).rglob("*")] + [*(tree / "ggml/src").glob("*")]
    sources_of = (
        path for path in files if path.suffix in {".c", ".cpp", ".h", ".hpp", ".cu", ".cuh", ".comp", ".glsl"}
    )
    note = re.compile(rb"copyright|licensed|\bMIT licen[cs]e|SPDX", re.IGNORECASE)
    named = {str(path.relative_to(tree)) for path in sources_of if note.search(path.read_bytes())}
    unknown = {path for path in named if not path.startswith(NOT_COMPILED_IN)}
    assert unknown == {text for text in unknown if text in {each.text for each in compiled_in.VENDORED.values()}}
    assert "src/llama-vocab.cpp" in unknown


def test_every_crate_is_linked_or_known_not_to_be():
    if not shutil.which("cargo"):
        pytest.skip("there is no cargo, which knows what is linked")
    lock = tomllib.loads((CHECKOUT / "native/llguidance/Cargo.lock").read_text(encoding="utf-8"))
    linked = {part.name for part in compiled_in._crates(CHECKOUT / "native/llguidance/Cargo.toml")}
    assert {crate["name"] for crate in lock["package"]} - linked == compiled_in.NOT_LINKED


def the_tree():
    """Return llama.cpp's tree, of the pin."""
    if not sources().exists():
        pytest.skip(f"no build has kept its sources in {sources()}")
    pin = llama_cpp_pin.read(CHECKOUT / PIN)
    (tree,) = sources().glob(f"llama.cpp-{pin['LLAMA_CPP_VERSION']}-{pin['LLAMA_CPP_SDIST_SHA256'][:12]}")
    return tree


def test_another_tree_is_told(tmp_path):
    with pytest.raises(PartsError, match="LICENSE cannot be read"):
        next(compiled_in.parts(CHECKOUT / "native", tmp_path))
