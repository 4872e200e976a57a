"""What is compiled in: the wheel lists it, with the licence of each, and holds every licence's text."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

import llama_cpp_pin
from wheels.compiled_in import RUST_LIBRARY, VENDORED
from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import WheelFile, WheelFileError
from wheels.toolkit_headers import HEADER_LIBRARIES

PIN = "native/cmake/llama_cpp_pin.cmake"
_REMEDY = "distribution/wheels/finished_wheel.py writes it"


def sbom_of(wheel: WheelFile) -> tuple[str, dict[str, Any]]:
    """Return the wheel's list of parts: its path and what it holds.

    Raises
    ------
    WheelFileError
        There is none, or more than one, or it is no JSON.
    """
    folder = f"{wheel.dist_info}/sboms"
    if len(wheel.sboms) != 1:
        raise WheelFileError(folder, f"holds {len(wheel.sboms)} lists of parts, and not one: {_REMEDY}")
    ((name, content),) = wheel.sboms.items()
    try:
        return f"{folder}/{name}", json.loads(content)
    except ValueError as error:
        raise WheelFileError(f"{folder}/{name}", f"is no JSON ({error}): {_REMEDY}") from None


def _sbom(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where, document = sbom_of(wheel)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)):
        yield Finding(where, f"is no CycloneDX 1.6: {str(error.data)[:300]}")
        return
    whole = document["metadata"].get("component", {})
    if whole.get("purl", "").partition("@")[0] != "pkg:pypi/xllamacpp" or whole.get("version") != target.version:
        yield Finding(where, f"is not of xllamacpp {target.version}: it says {whole.get('purl')}")
    versions = {component["name"]: component["version"] for component in document["components"]}
    commit = llama_cpp_pin.read(target.root / PIN)["LLAMA_CPP_COMMIT"]
    if versions.get("llama.cpp", "").rpartition("+")[2] != commit:
        yield Finding(where, f"says llama.cpp {versions.get('llama.cpp')}, and {PIN} has the commit {commit}")
    for name in sorted(set(_expected(wheel)) - set(versions)):
        yield Finding(where, f"does not list {name}, which is compiled in: {_REMEDY}")
    crates = tomllib.loads((target.root / "native/llguidance/Cargo.lock").read_text(encoding="utf-8"))["package"]
    locked = {(crate["name"], crate["version"]) for crate in crates}
    for component in document["components"]:
        if component["purl"].startswith("pkg:cargo/") and (component["name"], component["version"]) not in locked:
            yield Finding(where, f"lists the crate {component['name']} {component['version']}, unlike Cargo.lock")


def _expected(wheel: WheelFile) -> Iterator[str]:
    yield from ("llama.cpp", *VENDORED)
    if wheel.build_info["llguidance"]:
        yield from ("llguidance", RUST_LIBRARY)
    for backend in wheel.build_info["backends"]:
        yield from HEADER_LIBRARIES.get(backend, ())
    linked = {name for library in wheel.libraries.values() for name in library.needed}
    if wheel.build_info["openssl"] and not any(name.startswith("libssl.so") for name in linked):
        yield "openssl"


def _licences(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    folders = {path.partition("/")[0] for path, text in wheel.licences.items() if "/" in path and text.strip()}
    if not wheel.licences.get("LICENSE"):
        yield Finding(f"{wheel.dist_info}/licenses/LICENSE", "is missing: our own licence goes with every copy")
    where, document = sbom_of(wheel)
    for component in document.get("components", []):
        name = component["name"]
        expressions = [licence.get("expression") for licence in component.get("licenses", [])]
        try:
            canonicalize_license_expression(expressions[0] or "" if expressions else "")
        except InvalidLicenseExpression:
            yield Finding(where, f"{name} has no licence as an SPDX expression: see distribution/wheels/compiled_in.py")
        if name not in folders:
            yield Finding(
                f"{wheel.dist_info}/licenses/{name}/",
                f"holds no text, and {name} is compiled in: see distribution/wheels/compiled_in.py",
            )


def _provenance(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where, info, row = "BUILD_INFO", wheel.build_info, target.row
    pin = llama_cpp_pin.read(target.root / PIN)
    core = [str(name) for name in info.get("modules", []) if str(name).startswith("cpu")]
    expected = {
        "version": target.version,
        "row": row.name,
        "llama_cpp_version": pin["LLAMA_CPP_VERSION"],
        "llama_cpp_commit": pin["LLAMA_CPP_COMMIT"],
        "llama_cpp_source": f"{pin['LLAMA_CPP_SDIST_NAME']} {pin['LLAMA_CPP_SDIST_VERSION']}",
        "build_type": "Release",
        "backends": ["cpu", *([row.backend] if row.is_gpu else [])],
        "modules": sorted([*core, *([row.backend] if row.is_gpu else [])]),
    }
    for key, value in expected.items():
        if info.get(key) != value:
            yield Finding(where, f"{key} is {info.get(key)!r}, and for the row {row.name} it is to be {value!r}")
    options = info.get("options", {})
    for name, value in {**row.cmake.core, **row.module_options}.items():
        if options.get(name) != value:
            yield Finding(where, f"options: {name} is {options.get(name)!r}, and the row {row.name} has {value!r}")
    if (len(core) == 1) != (row.cmake.core["XLLAMACPP_CPU"] == "native"):
        yield Finding(where, f"modules: {len(core)} for the CPU, and XLLAMACPP_CPU={row.cmake.core['XLLAMACPP_CPU']}")
    if not info.get("compiler") or "flags" not in info:
        yield Finding(where, "does not tell the compiler and its flags: see native/cmake/build_info.cmake")
    if not re.fullmatch(r"[0-9a-f]{40}", str(info.get("revision"))):
        yield Finding(where, f"revision is {info.get('revision')!r}: give the commit to the build (REVISION)")


SBOM = Rule("SBOM", "it lists what is compiled in, at the versions that are pinned", _sbom)
LICENCES = Rule("licences", "the licence of everything that is inside goes with it", _licences)
PROVENANCE = Rule("provenance", "BUILD_INFO tells which row, sources, compiler and options made it", _provenance)
GATES = (SBOM, LICENCES, PROVENANCE)
