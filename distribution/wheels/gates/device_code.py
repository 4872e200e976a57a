"""The code for GPUs in a module: for which of them there is some, read without the toolkit's own programs.

nvcc puts containers of device code into the section ``.nv_fatbin``, clang those for AMD's GPUs into ``.hip_fatbin``:
one after the other, with zeros between them.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

import zstandard

from wheels.gates.gate import Finding, Rule, Target
from wheels.gates.libraries import FOLDER, module_of
from wheels.gates.wheel_file import Library, WheelFile, WheelFileError

_CUDA_MAGIC = 0xBA55ED50
_CUDA_KINDS = {1: "virtual", 2: "real"}
# Code for one GPU alone (sm_120a), and for one family of them (sm_120f).
_CUDA_SUFFIXES = {1 << 20: "a", 1 << 21: "f"}
_BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"
_COMPRESSED = b"CCOB"
# The sizes of a compressed bundle and of what is in it, by the version of its header.
_COMPRESSED_SIZES = {2: "<II", 3: "<QQ"}

Container = tuple[set[str], int]
"""What a container has code for, and where it ends."""


def architectures(module: Library) -> set[str]:
    """Return what a module has code for: ``86-real`` and ``90-virtual`` as CMake has it, or ``gfx1100``.

    Parameters
    ----------
    module : Library
        ``libggml-cuda.so`` or ``libggml-hip.so``.

    Raises
    ------
    WheelFileError
        The code is held in a way that this does not know.
    """
    found: set[str] = set()
    for section, read in ((".nv_fatbin", _fatbin), (".hip_fatbin", _bundle)):
        try:
            for names in _containers(module.section(section) or b"", read):
                found |= names
        except (struct.error, zlib.error, zstandard.ZstdError, ValueError) as error:
            raise WheelFileError(
                module.name,
                f"{section} is held in a way that distribution/wheels/gates/device_code.py does not know ({error})",
            ) from None
    return found


def _containers(data: bytes, read: Callable[[bytes, int], Container]) -> Iterator[set[str]]:
    content = re.compile(rb"[^\0]")
    place = 0
    while found := content.search(data, place):
        names, place = read(data, found.start())
        yield names


def _fatbin(data: bytes, place: int) -> Container:
    magic, _, header, size = struct.unpack_from("<IHHQ", data, place)
    if magic != _CUDA_MAGIC:
        raise ValueError(f"no fatbin at {place}")
    names, entry, end = set(), place + header, place + header + size
    while entry < end:
        kind, _, length, payload = struct.unpack_from("<HHIQ", data, entry)
        (number,) = struct.unpack_from("<I", data, entry + 28)
        (flags,) = struct.unpack_from("<Q", data, entry + 40)
        suffix = "".join(letter for bit, letter in _CUDA_SUFFIXES.items() if flags & bit)
        names.add(f"{number}{suffix}-{_CUDA_KINDS.get(kind, f'kind {kind}')}")
        entry += length + payload
    return names, end


def _bundle(data: bytes, place: int) -> Container:
    if data.startswith(_COMPRESSED, place):
        return _compressed_bundle(data, place)
    if not data.startswith(_BUNDLE, place):
        raise ValueError(f"no offload bundle at {place}")
    (count,) = struct.unpack_from("<Q", data, place + len(_BUNDLE))
    names, entry, end = set(), place + len(_BUNDLE) + 8, 0
    for _ in range(count):
        offset, size, length = struct.unpack_from("<QQQ", data, entry)
        triple = data[entry + 24 : entry + 24 + length].decode()
        # The host's is empty, and there for the form.
        names |= set(re.findall(r"gfx[0-9a-f]+", triple))
        entry += 24 + length
        end = max(end, place + offset + size)
    return names, max(end, entry)


def _compressed_bundle(data: bytes, place: int) -> Container:
    version, method = struct.unpack_from("<HH", data, place + 4)
    if version not in _COMPRESSED_SIZES or method not in (0, 1):
        raise ValueError(f"a compressed offload bundle of version {version}, method {method}")
    sizes = _COMPRESSED_SIZES[version]
    total, size = struct.unpack_from(sizes, data, place + 8)
    # Behind the sizes there is a hash of eight bytes.
    packed = data[place + 8 + struct.calcsize(sizes) + 8 : place + total]
    plain = zlib.decompress(packed) if method == 0 else zstandard.decompress(packed, max_output_size=size)
    return _bundle(plain, 0)[0], place + total


def _device_code(wheel: WheelFile, target: Target) -> Iterator[Finding]:
    row = target.row
    where = f"{FOLDER}/libggml-{row.backend}.so"
    module = module_of(wheel, target)
    if not row.architectures:
        return
    if module is None:
        yield Finding(where, f"is missing: build the module of the row {row.name}")
        return
    found, wanted = architectures(module), set(row.architectures)
    key = "cuda.architectures" if row.cuda else "rocm.targets"
    if found != wanted:
        lacks, extra = " ".join(sorted(wanted - found)), " ".join(sorted(found - wanted))
        told = "; ".join(text for text in (lacks and f"lacks {lacks}", extra and f"has besides {extra}") if text)
        yield Finding(where, f"{told}: its device code is to be {key} of the row {row.name}")
    if row.cuda:
        major = row.cuda.toolkit.partition(".")[0]
        runtimes = [name for name in module.needed if name.startswith("libcudart.so.")]
        if runtimes != [f"libcudart.so.{major}"]:
            told = ", ".join(runtimes) or "no libcudart.so.*"
            yield Finding(where, f"links to {told}, and the row {row.name} is of CUDA {row.cuda.toolkit}")


DEVICE_CODE = Rule(
    "device code", "it runs on the GPUs that the row names, and on the driver that it asks for", _device_code
)
GATES = (DEVICE_CODE,)
