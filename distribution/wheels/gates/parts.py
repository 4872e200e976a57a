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
from wheels import build_tools
from wheels.compiled_in import CPP_LIBRARY, NOT_LINKED, RUST_LIBRARY, VENDORED
from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.wheel_file import WheelFile, WheelFileError
from wheels.toolkit_headers import HEADER_LIBRARIES

PIN = "native/cmake/llama_cpp_pin.cmake"
_REMEDY = "distribution/wheels/finished_wheel.py writes it"
_VERSION = r"\d+(\.\d+)+"
# Words by which a licence's text is known, without marks and capitals; of another one, its name.
_WORDS = {
    "Apache-2.0": "apache license",
    "BSD-2-Clause": "redistribution and use",
    "BSD-3-Clause": "redistribution and use",
    "GPL-3.0-or-later": "gnu general public license",
    "LicenseRef-Public-Domain": "public domain",
    "MIT": "permission is hereby granted",
    "MIT-0": "permission is hereby granted",
    "Unlicense": "free and unencumbered software",
    "Zlib": "this software is provided",
}


def sbom_of(wheel: WheelFile) -> tuple[str, dict[str, Any]]:
    """Return the wheel's list of parts: its path and what it holds.

    Raises
    ------
    WheelFileError
        There is none, or more than one, or it is no JSON, or no CycloneDX.
    """
    folder = f"{wheel.dist_info}/sboms"
    if len(wheel.sboms) != 1:
        raise WheelFileError(folder, f"holds {len(wheel.sboms)} lists of parts, and not one: {_REMEDY}")
    ((name, content),) = wheel.sboms.items()
    try:
        document = json.loads(content)
    except ValueError as error:
        raise WheelFileError(f"{folder}/{name}", f"is no JSON ({error}): {_REMEDY}") from None
    if invalid := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)):
        raise WheelFileError(f"{folder}/{name}", f"is no CycloneDX 1.6: {str(invalid.data)[:300]}")
    return f"{folder}/{name}", document


def _sbom(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    where, document = sbom_of(wheel)
    whole = document.get("metadata", {}).get("component", {})
    if whole.get("purl", "").partition("@")[0] != "pkg:pypi/xllamacpp" or whole.get("version") != target.version:
        yield Finding(where, f"is not of xllamacpp {target.version}: it says {whole.get('purl')}")
    parts, crates = _listed(document)
    expected = _expected(wheel, target)
    for name in sorted(set(expected) - set(parts)):
        yield Finding(where, f"does not list {name}, which is compiled in: {_REMEDY}")
    for name in sorted(set(expected) & set(parts)):
        if not re.fullmatch(expected[name], parts[name]):
            yield Finding(where, f"says {name} {parts[name] or 'of no version'}, which is to be like {expected[name]}")
    linked = _linked_crates(target) if wheel.build_info["llguidance"] else set()
    for name, version in sorted(linked - crates):
        yield Finding(where, f"does not list the crate {name} {version}, which Cargo.lock has: {_REMEDY}")
    for name, version in sorted(crates - linked):
        yield Finding(where, f"lists the crate {name} {version}, unlike Cargo.lock: {_REMEDY}")


def _listed(document: dict[str, Any]) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return the versions of what a list has by name, and apart from them its crates."""
    parts, crates = {}, set()
    for component in document.get("components", []):
        name, version = component["name"], component.get("version", "")
        if component.get("purl", "").startswith("pkg:cargo/"):
            crates.add((name, version))
        else:
            parts[name] = version
    return parts, crates


def _linked_crates(target: Target) -> set[tuple[str, str]]:
    lock = tomllib.loads((target.root / "native/llguidance/Cargo.lock").read_text(encoding="utf-8"))
    return {(crate["name"], crate["version"]) for crate in lock["package"] if crate["name"] not in NOT_LINKED}


def _expected(wheel: WheelFile, target: Target) -> dict[str, str]:
    """Return what is compiled in besides crates, and a pattern of its version."""
    pin = llama_cpp_pin.read(target.root / PIN)
    pinned = re.escape(f"{pin['LLAMA_CPP_VERSION']}+{pin['LLAMA_CPP_COMMIT']}")
    found = {"llama.cpp": pinned}
    # What tells a version of its own tells it in the tree, which is not here.
    found |= {name: _VERSION if vendored.version else pinned for name, vendored in VENDORED.items()}
    found[CPP_LIBRARY] = _VERSION
    if wheel.build_info["llguidance"]:
        found[RUST_LIBRARY] = _VERSION
    for backend in wheel.build_info["backends"]:
        found |= dict.fromkeys(HEADER_LIBRARIES.get(backend, ()), _VERSION)
    # Where it is the system's, the libraries look for it by this name when they are loaded.
    if wheel.build_info["openssl"] and not any(b"libssl.so." in wheel.read(name) for name in wheel.library_names):
        found["openssl"] = re.escape(wheel.build_info["openssl"])
    return found


def _licences(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    own = (target.root / "LICENSE").read_bytes()
    if wheel.licences.get("LICENSE") != own:
        told = "is not the checkout's" if "LICENSE" in wheel.licences else "is missing"
        yield Finding(f"{wheel.dist_info}/licenses/LICENSE", f"{told}: our own licence goes with every copy")
    where, document = sbom_of(wheel)
    remedy = "see distribution/wheels/compiled_in.py"
    for component in document.get("components", []):
        name = component["name"]
        expressions = [licence.get("expression") for licence in component.get("licenses", [])]
        try:
            expression = canonicalize_license_expression(expressions[0] or "" if expressions else "")
        except InvalidLicenseExpression:
            yield Finding(where, f"{name} has no licence as an SPDX expression: {remedy}")
            continue
        start = f"{name}/"
        texts = [text for path, text in wheel.licences.items() if path.startswith(start) and text.strip()]
        if not texts:
            yield Finding(f"{wheel.dist_info}/licenses/{start}", f"holds no text, and {name} is compiled in: {remedy}")
        elif not _is_text_of(expression, b"\n".join(texts).decode(errors="replace")):
            yield Finding(
                f"{wheel.dist_info}/licenses/{start}", f"holds no text of {expression}, which {name} is under: {remedy}"
            )


def _is_text_of(expression: str, text: str) -> bool:
    """Whether some text holds words of a licence, of one of those where there is a choice."""
    plain = re.sub(r"\W+", " ", text).lower()
    licences = set(re.findall(r"[\w.+-]+", re.sub(r" WITH \S+", "", expression))) - {"AND", "OR"}
    return any(_WORDS.get(licence, licence.lower()) in plain for licence in licences)


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
    tools = info.get("tools")
    for name in build_tools.names(target.project):
        if not isinstance(tools, dict) or not tools.get(name):
            yield Finding(where, f"tools: no version of {name}: {_REMEDY}")
    if not re.fullmatch(r"[0-9a-f]{40}", str(info.get("revision"))):
        yield Finding(where, f"revision is {info.get('revision')!r}: give the commit to the build (REVISION)")


SBOM = Rule("SBOM", "it lists what is compiled in, at the versions that are pinned", _sbom)
LICENCES = Rule("licences", "the licence of everything that is inside goes with it", _licences)
PROVENANCE = Rule("provenance", "BUILD_INFO tells which row, sources, compiler and options made it", _provenance)
GATES = (SBOM, LICENCES, PROVENANCE)
