"""What of a GPU's toolkit is compiled into a module: the headers that were read tell version and licence."""

from __future__ import annotations

import pytest
from packaging.licenses import canonicalize_license_expression

from wheels import bill_of_parts
from wheels.compiled_in import PartsError
from wheels.toolkit_headers import APACHE_TEXT, HEADER_LIBRARIES, header_parts

# The lines that are looked for, each in the kind of comment that the toolkit's header has.
CUDA = {
    "cub/version.cuh": "/****\n * Redistribution and use in source\n ****/\n#define CUB_VERSION 200302 // one",
    "thrust/version.h": "/*\n *  Under the Apache License\n */\n#define THRUST_VERSION 200302 // one",
    "cuda/std/__cccl/version.h": (
        "//===---===//\n//\n// Part of libcu++\n// See below\n//\n\n"
        "#define CCCL_VERSION 2003002\n#define CCCL_MAJOR_VERSION (CCCL_VERSION / 1000000)"
    ),
}
HIP = {
    "hip/hip_runtime.h": "/*\nCopyright (c) 2015 A. Company\n\nPermission is hereby granted, free\n*/\n",
    "hip/hip_version.h": (
        "#define HIP_VERSION_MAJOR 6\n#define HIP_VERSION_MINOR 4\n#define HIP_VERSION_PATCH 43484\n"
        "#define HIP_VERSION    (HIP_VERSION_MAJOR * 10000000 + HIP_VERSION_MINOR * 100000 + HIP_VERSION_PATCH)\n"
    ),
}
VULKAN = {
    "vulkan/vulkan_core.h": (
        "#define VULKAN_CORE_H_ 1\n/*\n** Copyright 2015 A. Group\n*/\n// Version of this file\n"
        "#define VK_HEADER_VERSION 309\n\n// Complete version of this file\n"
        "#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION(0, 1, 4, VK_HEADER_VERSION)\n"
    ),
    "vulkan/vulkan.hpp": "// Copyright 2015 A. Group\n//\n// SPDX-License-Identifier: some\n//\n\n#define VULKAN_HPP",
}
TOOLKITS = {
    "cuda": (CUDA, {"cub": "2.3.2", "libcudacxx": "2.3.2", "thrust": "2.3.2"}),
    "hip": (HIP, {"hip": "6.4.43484"}),
    "vulkan": (VULKAN, {"vulkan-headers": "1.4.309", "vulkan-hpp": "1.4.309"}),
}


@pytest.fixture
def keep(tmp_path):
    """Keep some headers as the build of a module does, each under its whole path."""

    def write(headers):
        for name, text in headers.items():
            path = tmp_path / "usr/local/toolkit/include" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize("backend", TOOLKITS)
@pytest.mark.skipif(not APACHE_TEXT.exists(), reason=f"there is no {APACHE_TEXT}: this is not Debian")
def test_version_and_licence_are_read_from_the_headers(keep, backend):
    headers, versions = TOOLKITS[backend]
    found = {part.name: part for part in header_parts(["cpu", backend], keep(headers))}
    assert {name: part.version for name, part in found.items()} == versions
    for name, part in found.items():
        assert canonicalize_license_expression(part.licence) == part.licence
        notice = "NOTICE" if "Apache-2.0" in part.licence else "LICENSE"
        assert HEADER_LIBRARIES[backend][name].quote in part.texts[notice]
        assert ("Version 2.0, January 2004" in part.texts["LICENSE"]) == (notice == "NOTICE")
        assert "#define" not in part.texts[notice]
    canonicalize_license_expression(bill_of_parts.combined(["MIT", *(part.licence for part in found.values())]))


def test_a_wheel_without_a_gpus_module_has_nothing_of_a_toolkit():
    assert [*header_parts(["cpu"], None)] == []


def test_a_build_that_kept_no_headers_is_told():
    with pytest.raises(PartsError, match="cub is compiled in, and nobody said where its headers are"):
        next(header_parts(["cpu", "cuda"], None))


def test_a_header_that_was_not_read_is_told(keep):
    with pytest.raises(PartsError, match=r"one cub/version\.cuh that was compiled in, and has none"):
        next(header_parts(["cuda"], keep({"cub/cub.cuh": ""})))


def test_two_headers_of_a_name_are_told(keep, tmp_path):
    other = tmp_path / "usr/include/hip/hip_runtime.h"
    other.parent.mkdir(parents=True)
    other.write_text("", encoding="utf-8")
    with pytest.raises(PartsError, match=r"and has .*usr/include/hip.*, .*usr/local/toolkit/include/hip"):
        next(header_parts(["hip"], keep(HIP)))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hip/hip_version.h", "#define HIP_VERSION 7", "tells no version"),
        ("hip/hip_runtime.h", "/* All rights reserved */", "holds no licence with the words 'Permission"),
    ],
)
def test_a_header_that_has_changed_is_told(keep, name, text, said):
    with pytest.raises(PartsError, match=said):
        next(header_parts(["hip"], keep({**HIP, name: text})))
