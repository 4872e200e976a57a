"""What of a GPU's toolkit is compiled into a module: libraries of headers, which nothing names at run time.

The build of a row keeps the headers that its compilers have read (Dockerfiles/scripts/build_module). Version and
licence are in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packageurl import PackageURL

from wheels.compiled_in import Part, PartsError, comment_around

_APACHE = "Apache-2.0"
# Headers name this licence and do not give its text; Debian and Ubuntu have it in every system.
APACHE_TEXT = Path("/usr/share/common-licenses") / _APACHE


@dataclass(frozen=True)
class HeaderLibrary:
    """A library of headers.

    Parameters
    ----------
    licence : str
        Its licence, as an SPDX expression.
    text : str
        The end of the path of the header that its licence is in.
    quote : str
        Words of that: the comment around them is the text.
    version : tuple of str
        The end of the path of the header that tells its version, and a pattern with the groups major, minor and patch.
    """

    licence: str
    text: str
    quote: str
    version: tuple[str, str]


def _one_number(name: str, patch_digits: int) -> str:
    return rf"define {name} (?P<major>\d+)(?P<minor>\d{{3}})(?P<patch>\d{{{patch_digits}}})\b"


_HIP = (
    r"_MAJOR (?P<major>\d+)",
    r"define HIP_VERSION_MINOR (?P<minor>\d+)",
    r"define HIP_VERSION_PATCH (?P<patch>\d+)",
)
_VULKAN = (
    r"define VK_HEADER_VERSION (?P<patch>\d+)",
    r"MAKE_API_VERSION\(0, (?P<major>\d+), (?P<minor>\d+), VK_HEADER",
)
_HIP_VERSION = ("hip/hip_version.h", ".*".join(_HIP))
_VULKAN_VERSION = ("vulkan/vulkan_core.h", ".*".join(_VULKAN))
_LIBCUDACXX = ("__cccl/version.h", _one_number("CCCL_VERSION", 3))
_CUB = ("cub/version.cuh", _one_number("CUB_VERSION", 2))
_THRUST = ("thrust/version.h", _one_number("THRUST_VERSION", 2))
# ggml includes none of ROCm's own libraries of headers (hipCUB, rocPRIM).
HEADER_LIBRARIES: Mapping[str, Mapping[str, HeaderLibrary]] = {
    "cuda": {
        "cub": HeaderLibrary("BSD-3-Clause", _CUB[0], "Redistribution and use", _CUB),
        "libcudacxx": HeaderLibrary(f"{_APACHE} WITH LLVM-exception", _LIBCUDACXX[0], "Part of libcu++", _LIBCUDACXX),
        "thrust": HeaderLibrary(_APACHE, _THRUST[0], "Apache License", _THRUST),
    },
    "hip": {"hip": HeaderLibrary("MIT", "hip/hip_runtime.h", "Permission is hereby granted", _HIP_VERSION)},
    "vulkan": {
        "vulkan-headers": HeaderLibrary(_APACHE, "vulkan/vulkan_core.h", "Copyright", _VULKAN_VERSION),
        "vulkan-hpp": HeaderLibrary(f"{_APACHE} OR MIT", "vulkan/vulkan.hpp", "Copyright", _VULKAN_VERSION),
    },
}


def header_parts(backends: Iterable[str], headers: Path | None) -> Iterator[Part]:
    """Tell what of the toolkits is compiled in.

    Parameters
    ----------
    backends : iterable of str
        The backends that the wheel has modules of.
    headers : Path or None
        Where the build keeps the headers that were read, each under its whole path; None where it keeps none.

    Raises
    ------
    PartsError
        A header or a version is not there.
    """
    for backend in backends:
        for name, library in HEADER_LIBRARIES.get(backend, {}).items():
            if headers is None:
                raise PartsError(f"{name} is compiled in, and nobody said where its headers are: give --headers")
            yield _part(name, library, headers)


def _part(name: str, library: HeaderLibrary, headers: Path) -> Part:
    path = _header(library.text, headers)
    texts = {"NOTICE" if _APACHE in library.licence else "LICENSE": comment_around(library.quote, _read(path), path)}
    if _APACHE in library.licence:
        texts["LICENSE"] = _read(APACHE_TEXT)
    file, pattern = library.version
    path = _header(file, headers)
    found = re.search(pattern, _read(path), re.DOTALL)
    if found is None:
        raise PartsError(f"{path} tells no version by {pattern!r}: mend HEADER_LIBRARIES, {name!r}")
    version = ".".join(str(int(found[group])) for group in ("major", "minor", "patch"))
    return Part(name, version, PackageURL("generic", None, name, version), library.licence, texts)


def _header(end: str, headers: Path) -> Path:
    found = sorted(headers.glob(f"**/{end}"))
    if len(found) != 1:
        paths = ", ".join(map(str, found)) or "none"
        raise PartsError(f"{headers} is to have one {end} that was compiled in, and has {paths}")
    return found[0]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PartsError(f"{path} cannot be read: {error.strerror}") from None
