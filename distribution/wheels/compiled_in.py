"""What the wheel's libraries are compiled from: names, versions, licences and the licences' texts.

It runs where the libraries were compiled, on the sources that they were compiled from. The wheel's list of parts and
the licences in the wheel are made from it, and from toolkit_headers.py for a GPU's module.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packageurl import PackageURL


class PartsError(Exception):
    """The sources are not as they were when this was written: says which file, and what was looked for."""


@dataclass(frozen=True)
class Part:
    """One thing that is compiled in.

    Parameters
    ----------
    name, version : str
        What it is.
    url : PackageURL
        What it is called elsewhere.
    licence : str
        Its licence, as an SPDX expression.
    texts : mapping of str to str
        The licence's texts, by file name.
    """

    name: str
    version: str
    url: PackageURL
    licence: str
    texts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Vendored:
    """A library that llama.cpp's tree carries.

    Parameters
    ----------
    licence : str
        Its licence, as an SPDX expression.
    text : str
        The file that its licence is in, from the root of the tree.
    quote : str, optional
        Words of the licence: where a source file holds it, the comment around them is the text.
    version : tuple of str, optional
        The file that tells its version, and a pattern for that. Where none is, the tree's own version stands for it.
    is_note : bool, optional
        The words are a note that names MIT's licence alone: its terms are those of the tree's own.
    """

    licence: str
    text: str
    quote: str | None = None
    version: tuple[str, str] | None = None
    is_note: bool = False


VENDORED: Mapping[str, Vendored] = {
    "base64": Vendored("Unlicense", "common/base64.hpp", "unlicense.org"),
    "cpp-httplib": Vendored(
        "MIT",
        "vendor/cpp-httplib/LICENSE",
        version=("vendor/cpp-httplib/httplib.h", r'CPPHTTPLIB_VERSION "([\d.]+)"'),
    ),
    # The BPE tokenizer.
    "ggllm.cpp": Vendored(
        "MIT", "src/llama-vocab.cpp", "adapted from https://github.com/cmp-nct/ggllm.cpp", is_note=True
    ),
    "llamafile-sgemm": Vendored("MIT", "ggml/src/ggml-cpu/llamafile/sgemm.cpp", "Mozilla Foundation"),
    "miniaudio": Vendored(
        "MIT-0",
        "vendor/miniaudio/miniaudio.h",
        "MIT No Attribution\n=",
        ("vendor/miniaudio/miniaudio.h", r"define MA_VERSION_(?:MAJOR|MINOR|REVISION) +(\d+)"),
    ),
    "nlohmann-json": Vendored(
        "MIT",
        "licenses/LICENSE-jsonhpp",
        version=("vendor/nlohmann/json.hpp", r"NLOHMANN_JSON_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)"),
    ),
    "rotate-bits": Vendored("MIT", "vendor/hash/rotate-bits/LICENSE.md"),
    "sha1": Vendored("LicenseRef-Public-Domain", "vendor/hash/sha1/sha1.h", "Public Domain"),
    "sha256": Vendored("LicenseRef-Public-Domain", "vendor/hash/sha256/LICENSE"),
    "stb-image": Vendored(
        "MIT",
        "vendor/stb/stb_image.h",
        "ALTERNATIVE A - MIT License",
        ("vendor/stb/stb_image.h", r"stb_image - v([\d.]+)"),
    ),
    "subprocess": Vendored("Unlicense", "vendor/sheredom/subprocess.h", "unlicense.org"),
    "xxhash": Vendored(
        "BSD-2-Clause",
        "vendor/hash/xxhash/LICENSE",
        version=("vendor/hash/xxhash/xxhash.h", r"define XXH_VERSION_(?:MAJOR|MINOR|RELEASE) +(\d+)"),
    ),
    # In the CPU's modules; those of the GPUs have it too.
    "yarn": Vendored("MIT", "ggml/src/ggml-cpu/ops.cpp", "YaRN algorithm based on", is_note=True),
}

NOT_LINKED = frozenset(
    {
        "bitflags",
        "bytemuck_derive",
        "heck",
        "proc-macro2",
        "quote",
        "r-efi",
        "redox_syscall",
        "ref-cast-impl",
        "serde_derive",
        "strum_macros",
        "syn",
        "unicode-ident",
        "version_check",
        "wasip2",
        "windows-link",
        "wit-bindgen",
        "xllamacpp-llguidance",
        "zerocopy-derive",
    }
)
"""frozenset of str: crates of Cargo.lock that are not linked on Linux: they build, or are another system's, or ours."""

CPP_LIBRARY = "libstdc++"
# Where Debian and Fedora put the licences of GCC's libraries: the texts of GPL-3 and of the exception that GCC makes.
_CPP_TEXTS = (
    "usr/share/doc/gcc-{major}-base/copyright",
    "usr/share/common-licenses/GPL-3",
    "usr/share/licenses/libstdc++/COPYING*",
)
RUST_LIBRARY = "rust-std"
# Where Rust's own packages and Debian's put the licences of what every Rust library brings along.
_RUST_TEXTS = (
    "{sysroot}/share/doc/rust/COPYRIGHT-library*",
    "/usr/share/doc/libstd-rust*/copyright",
)
_LICENCE_FILES = re.compile(r"(licen[cs]e|copying|unlicense|notice)([.-].*)?", re.IGNORECASE)


def parts(native: Path, sources: Path, *, llguidance: bool = True) -> Iterator[Part]:
    """Tell what the wheel's libraries are compiled from, besides our own code.

    Parameters
    ----------
    native : Path
        The checkout's folder ``native``.
    sources : Path
        Where the build keeps what it fetches: it holds llama.cpp's tree.
    llguidance : bool, optional
        Whether LLGuidance is compiled in, and with it its crates and Rust's own library.

    Raises
    ------
    PartsError
        A file or a version is not where it was.
    """
    text = (native / "cmake/llama_cpp_pin.cmake").read_text(encoding="utf-8")
    pin = dict(re.findall(r'^set\((\w+)\s+"([^"]*)"\)', text, re.MULTILINE))
    tree = sources / f"llama.cpp-{pin['LLAMA_CPP_VERSION']}-{pin['LLAMA_CPP_SDIST_SHA256'][:12]}"
    version = f"{pin['LLAMA_CPP_VERSION']}+{pin['LLAMA_CPP_COMMIT']}"
    url = PackageURL("pypi", None, pin["LLAMA_CPP_SDIST_NAME"], pin["LLAMA_CPP_SDIST_VERSION"])
    yield Part("llama.cpp", version, url, "MIT", {"LICENSE": _read(tree / "LICENSE")})
    for name, vendored in VENDORED.items():
        yield _vendored(tree, name, vendored, version)
    yield _cpp_library()
    if llguidance:
        yield from _crates(native / "llguidance/Cargo.toml")
        yield _rust_library()


def _vendored(tree: Path, name: str, vendored: Vendored, tree_version: str) -> Part:
    text = _read(tree / vendored.text)
    if vendored.quote is not None:
        text = comment_around(vendored.quote, text, tree / vendored.text)
    if vendored.is_note:
        text += "\n" + _mit_terms(tree / "LICENSE")
    version = tree_version
    if vendored.version:
        path, pattern = vendored.version
        version = ".".join(re.findall(pattern, _read(tree / path)))
        if not version:
            raise PartsError(f"{tree / path} tells no version by {pattern!r}: mend VENDORED[{name!r}]")
    return Part(name, version, PackageURL("generic", None, name, version), vendored.licence, {"LICENSE": text})


def _mit_terms(path: Path) -> str:
    _, words, terms = _read(path).partition("Permission is hereby granted")
    if not words:
        raise PartsError(f"{path} holds no terms of MIT's licence, which notes in the tree name alone")
    return words + terms


def comment_around(quote: str, text: str, path: Path) -> str:
    """Return the comment that some words are in; without a comment's own marks where each line has them.

    Raises
    ------
    PartsError
        The words are not there. It names the file.
    """
    place = text.find(quote)
    if place < 0:
        raise PartsError(f"{path} holds no licence with the words {quote!r}: it has changed, and so may its licence")
    opening = text.rfind("/*", 0, place)
    if opening >= 0 and text.find("*/", opening) > place:
        return text[opening + 2 : text.index("*/", place)].strip() + "\n"
    lines = []
    for line in text[text.rfind("\n", 0, place) + 1 :].splitlines():
        if not line.startswith("//"):
            break
        lines.append(line.removeprefix("//").removeprefix(" "))
    return "\n".join(lines).strip() + "\n"


def _crates(manifest: Path) -> Iterator[Part]:
    """Walk from our crate to all that is linked with it: nothing that only builds, and no macros."""
    options = ("--format-version=1", "--locked", "--offline", f"--filter-platform={_rust_target()}")
    found = json.loads(_run("cargo", "metadata", *options, f"--manifest-path={manifest}"))
    packages: dict[str, dict[str, Any]] = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = found["resolve"]["root"]
    linked, waiting = set(), [root]
    while waiting:
        crate = waiting.pop()
        kinds = {kind for target in packages[crate]["targets"] for kind in target["kind"]}
        if crate in linked or "proc-macro" in kinds:
            continue
        linked.add(crate)
        links = (link for link in nodes[crate]["deps"] if any(kind["kind"] is None for kind in link["dep_kinds"]))
        waiting += [link["pkg"] for link in links]
    for crate in sorted((packages[name] for name in linked - {root}), key=lambda each: (each["name"], each["version"])):
        folder = Path(crate["manifest_path"]).parent
        texts = {path.name: _read(path) for path in sorted(folder.iterdir()) if _LICENCE_FILES.fullmatch(path.name)}
        url = PackageURL("cargo", None, crate["name"], crate["version"])
        # Cargo once took a slash for OR.
        yield Part(crate["name"], crate["version"], url, (crate["license"] or "").replace("/", " OR "), texts)


def _cpp_library() -> Part:
    """Tell what GCC's static libstdc++ is, of which the older one of the sysroot lacks some: make_sysroot."""
    version = _run("g++", "-dumpfullversion").strip()
    paths = [
        path
        for pattern in _CPP_TEXTS
        for path in sorted(Path("/").glob(pattern.format(major=version.partition(".")[0])))
    ]
    url = PackageURL("generic", None, CPP_LIBRARY, version)
    licence = "GPL-3.0-or-later WITH GCC-exception-3.1"
    return Part(CPP_LIBRARY, version, url, licence, {path.name: _read(path) for path in paths})


def _rust_library() -> Part:
    version = re.findall(r"^release: (\S+)", _run("rustc", "-vV"), re.MULTILINE)[0]
    sysroot = _run("rustc", "--print=sysroot").strip()
    paths = [path for pattern in _RUST_TEXTS for path in sorted(Path("/").glob(pattern.format(sysroot=sysroot)[1:]))]
    url = PackageURL("generic", None, RUST_LIBRARY, version)
    return Part(RUST_LIBRARY, version, url, "MIT OR Apache-2.0", {path.name: _read(path) for path in paths})


def _rust_target() -> str:
    return str(re.findall(r"^host: (\S+)", _run("rustc", "-vV"), re.MULTILINE)[0])


def _run(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        raise PartsError(f"there is no {command[0]}: this runs where the libraries were compiled") from None
    if result.returncode:
        raise PartsError(f"{' '.join(command)} failed ({result.returncode}): {result.stderr.strip()}")
    return result.stdout


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PartsError(
            f"{path} cannot be read ({error.strerror}): llama.cpp's tree has changed, or is not there"
        ) from None
