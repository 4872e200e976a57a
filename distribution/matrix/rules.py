"""What has to be true of a row besides its values' types: a rule names the key that breaks it, and what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name

from matrix.bases import Base
from matrix.publication import Problem, published
from matrix.row import Row

DOCKERFILES = {"cpu": "cpu", "cuda": "cuda", "hip": "rocm", "vulkan": "vulkan"}

# The newest GCC that nvcc takes, and the GPUs that it makes code for.
CUDA_TOOLKITS = {
    "12.4": (13, {"50", "52", "53", "60", "61", "62", "70", "72", "75", "80", "86", "87", "89", "90", "90a"}),
    "12.8": (
        14,
        {"50", "52", "53", "60", "61", "62", "70", "72", "75", "80", "86", "87", "89", "90", "90a"}
        | {"100", "100a", "101", "101a", "120", "120a"},
    ),
}
# The GPUs that AMD's own rocBLAS has kernels for.
_ROCM_6_3 = {"gfx900", "gfx906", "gfx908", "gfx90a", "gfx942", "gfx1010", "gfx1012", "gfx1030", "gfx1100", "gfx1101"}
ROCM_TARGETS = {
    "6.3": _ROCM_6_3 | {"gfx1102"},
    "6.4": _ROCM_6_3 | {"gfx1102", "gfx1150", "gfx1151", "gfx1200", "gfx1201"},
}
COMPRESSION = "GGML_CUDA_COMPRESSION_MODE"
DEVICE_CODE = ("CMAKE_CUDA_ARCHITECTURES", "CMAKE_HIP_ARCHITECTURES", "GPU_TARGETS", "AMDGPU_TARGETS")


def problems(row: Row) -> Iterator[Problem]:
    """Yield what is wrong with a row."""
    for rule in RULES:
        yield from rule(row)


def _kind(row: Row) -> Iterator[Problem]:
    if row.dockerfile != DOCKERFILES[row.backend]:
        yield "dockerfile", f"the backend {row.backend} is built by {DOCKERFILES[row.backend]}, not {row.dockerfile}"
    kinds = {"cuda": "cuda", "rocm": "hip", "vulkan": "vulkan"}
    for key, belongs in ((key, row.backend == backend) for key, backend in kinds.items()):
        if (getattr(row, key) is not None) != belongs:
            yield key, "is missing" if belongs else f"a row of the backend {row.backend} has none"
    if bool(row.driver) == bool(row.cuda or row.rocm):
        yield "driver", "comes from min_driver" if row.driver else "is missing: say what the host has to have, or none"
    if row.vulkan and not re.fullmatch(r"\d+\.\d+", row.vulkan.min_version):
        yield "vulkan.min_version", f"is {row.vulkan.min_version}: two numbers, as 1.2"
    if row.is_gpu != (row.bases.sdk is not None):
        yield "bases.sdk", "is missing: the GPU module is built there" if row.is_gpu else "a CPU row has none"
    if not row.is_gpu:
        given = {"cmake.module": row.cmake.module, "needed.module": row.needed.module, "libraries": row.libraries}
        yield from ((key, "a CPU row has no GPU module") for key, value in given.items() if value)


def _names(row: Row) -> Iterator[Problem]:
    versions = {"cuda": row.cuda and row.cuda.toolkit, "rocm": row.rocm and row.rocm.version}
    for kind, version in versions.items():
        if not version:
            continue
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield f"{kind}.{'toolkit' if kind == 'cuda' else 'version'}", f"is {version}: three numbers, as 12.4.1"
            continue
        short = _short(version)
        if row.name != f"{kind}-{short}":
            yield kind, f"is for {short}, so the row is to be called {kind}-{short}"
        label = f"cu{short.replace('.', '')}" if kind == "cuda" else f"rocm{short}"
        if row.wheel.label != label:
            yield "wheel.label", f"is {row.wheel.label}: {kind} {short} is {label}"
        if row.bases.sdk and version not in row.bases.sdk.name:
            yield "bases.sdk.name", f"is {row.bases.sdk.name}, which is not {kind} {version}"


def _cuda(row: Row) -> Iterator[Problem]:
    if not row.cuda:
        return
    short, key = _short(row.cuda.toolkit), "cuda.architectures"
    if short not in CUDA_TOOLKITS:
        yield "cuda.toolkit", f"is {row.cuda.toolkit}: known are {', '.join(CUDA_TOOLKITS)}"
        return
    gcc, known = CUDA_TOOLKITS[short]
    for name in row.cuda.architectures:
        number, _, kind = name.partition("-")
        if kind not in ("real", "virtual"):
            yield key, f"{name}: write {number}-real (code for it) or {number}-virtual (PTX)"
        elif number not in known:
            yield key, f"{name}: CUDA {short} knows {', '.join(sorted(known, key=_number))}"
        elif kind == "virtual" and number.endswith("a"):
            yield key, f"{name}: PTX with a runs on that one GPU alone; write {number[:-1]}-virtual"
    virtual = [name for name in row.cuda.architectures if name.endswith("-virtual")]
    if virtual != list(row.cuda.architectures[-1:]):
        yield key, "there has to be one -virtual, at the end: newer GPUs make their code from it"
    real = [_number(name) for name in row.cuda.architectures if name not in virtual]
    if real != sorted(set(real)):
        yield key, "has to go from the oldest to the newest, each once"
    if row.cuda.host_gcc_max != gcc:
        yield "cuda.host_gcc_max", f"is {row.cuda.host_gcc_max}: nvcc {short} takes GCC {gcc} and older"
    if _version(row.cuda.min_driver.ptx) < _version(row.cuda.min_driver.sass):
        yield "cuda.min_driver.ptx", "is older than sass: PTX asks for the toolkit's own driver"
    if COMPRESSION in row.cmake.module and _version(short) < (12, 8):
        yield "cmake.module", f"{COMPRESSION}: nvcc has it from 12.8 on"
    if row.bases.sdk:
        places = {"bases.sdk.gcc": row.bases.sdk.gcc, "bases.sdk.stand_in.gcc": row.bases.sdk.stand_in.gcc}
        for place, found in places.items():
            if found and found > row.cuda.host_gcc_max:
                yield place, f"is {found}: nvcc {short} takes GCC {row.cuda.host_gcc_max} and older"


def _rocm(row: Row) -> Iterator[Problem]:
    if not row.rocm:
        return
    short = _short(row.rocm.version)
    if short not in ROCM_TARGETS:
        yield "rocm.version", f"is {row.rocm.version}: known are {', '.join(ROCM_TARGETS)}"
        return
    for name in row.rocm.targets:
        if name not in ROCM_TARGETS[short]:
            yield "rocm.targets", f"{name}: ROCm {short} has {', '.join(sorted(ROCM_TARGETS[short]))}"
    if len(set(row.rocm.targets)) != len(row.rocm.targets):
        yield "rocm.targets", "has one of them twice"


def _extra(row: Row) -> Iterator[Problem]:
    extra = row.wheel.extra
    if not extra:
        return
    if not row.libraries:
        yield "wheel.extra", "there are no libraries that it would bring"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", extra.name):
        yield "wheel.extra.name", f"is {extra.name}: small letters and digits, in parts joined by -"
    if not extra.packages:
        yield "wheel.extra.packages", "is empty"
    for name, package in extra.packages.items():
        key = f"wheel.extra.packages.{name}"
        if not is_normalized_name(name):
            yield key, f"write {canonicalize_name(name)}, as an index has it"
        if not re.fullmatch(r"(\w[\w.-]*/)*\w[\w.-]*", package.folder):
            yield f"{key}.folder", f"is {package.folder}: a path from site-packages on, as nvidia/cublas/lib"
        try:
            versions = SpecifierSet(package.versions)
        except InvalidSpecifier:
            yield f"{key}.versions", f"is {package.versions}: bounds of a version, as >=12.4,<13"
            continue
        if row.cuda:
            # Libraries of the same major version that are no older have all that the module calls.
            short = _short(row.cuda.toolkit)
            fitting = f">={short},<{_number(short) + 1}"
            if versions != SpecifierSet(fitting):
                yield f"{key}.versions", f"is {package.versions}: what is linked with CUDA {short} takes {fitting}"


def _device_code(row: Row) -> Iterator[Problem]:
    for name in row.sample:
        if name not in row.architectures:
            yield f"{'cuda' if row.cuda else 'rocm'}.sample", f"is {name}: one of {', '.join(row.architectures)}"
    for part, options in (("core", row.cmake.core), ("module", row.cmake.module)):
        for name in options:
            if name in DEVICE_CODE:
                yield f"cmake.{part}.{name}", "follows from the row's architectures: leave it out"
            elif not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
                yield f"cmake.{part}.{name}", "is no name of a CMake option"
    if row.cmake.core.get("XLLAMACPP_CPU") not in ("all", "native"):
        yield "cmake.core.XLLAMACPP_CPU", "has to be all or native"


def _native(row: Row) -> Iterator[Problem]:
    if row.cmake.core.get("XLLAMACPP_CPU") == "native":
        for key in ("wheel", "image"):
            if getattr(row, key).published:
                yield f"{key}.published", "is true, but what is built for one machine's processor is never published"
        if not row.wheel.platform.startswith("linux_"):
            yield "wheel.platform", f"is {row.wheel.platform}: a wheel for one machine is linux_x86_64"
        if "SOURCE_DATE_EPOCH" not in row.forbid_env:
            yield "forbid_env", "has to have SOURCE_DATE_EPOCH: it asks for a build that comes out the same anywhere"
    elif not re.fullmatch(r"manylinux_2_\d+_x86_64", row.wheel.platform):
        yield "wheel.platform", f"is {row.wheel.platform}: manylinux_2_NN_x86_64"


def _bases(row: Row) -> Iterator[Problem]:
    bases = {
        "builder": row.bases.builder,
        "oldest": row.bases.oldest,
        "sdk": row.bases.sdk,
        "runtime": row.bases.runtime,
    }
    for name, base in bases.items():
        if base:
            yield from ((f"bases.{name}.{key}", text) for key, text in _base(name, base))
    yield from _glibc("", {name: base.glibc for name, base in bases.items() if base})
    yield from _glibc("stand_in.", {name: base.stand_in.glibc for name, base in bases.items() if base})
    tag = re.fullmatch(r"manylinux_(\d+)_(\d+)_\w+", row.wheel.platform)
    if tag and (int(tag[1]), int(tag[2])) > _version(row.bases.runtime.glibc):
        yield "wheel.platform", f"is {row.wheel.platform}, and the runtime image has glibc {row.bases.runtime.glibc}"
    if tag and (int(tag[1]), int(tag[2])) < _version(row.bases.oldest.glibc):
        yield "wheel.platform", f"is {row.wheel.platform}, and the core is built for glibc {row.bases.oldest.glibc}"
    if _version(row.bases.oldest.glibc) > _version(row.bases.builder.glibc):
        yield "bases.oldest.glibc", f"is {row.bases.oldest.glibc}, newer than the builder's {row.bases.builder.glibc}"


def _base(kind: str, base: Base) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._/-]*:[\w.-]+", base.name) or base.name.endswith(":latest"):
        yield "name", f"is {base.name}: a repository and a tag that says what it is, as debian:bookworm-slim"
    if base.digest is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", base.digest):
        yield "digest", f"is {base.digest}: sha256: and 64 hexadecimal digits, or null"
    if (base.gcc is None) != (kind in ("oldest", "runtime")):
        yield "gcc", f"nothing is compiled in the {kind} image" if base.gcc else "is missing"
    stand_in = base.stand_in
    if stand_in.none:
        if stand_in != type(stand_in)(none=stand_in.none):
            yield "stand_in", "has a recipe, and none, which says why there is no recipe"
    elif not stand_in.suite or not stand_in.glibc:
        yield "stand_in", "has to have suite and glibc, or none with the reason"
    if kind != "sdk" and (stand_in.cmake or stand_in.libraries is not None or stand_in.library_data is not None):
        yield "stand_in", "has cmake, libraries or library_data, which are the sdk's"


def _glibc(kind: str, versions: dict[str, str]) -> Iterator[Problem]:
    for name, version in versions.items():
        newest = versions["runtime"]
        if version and newest and _version(version) > _version(newest):
            yield f"bases.{name}.{kind}glibc", f"is {version}, newer than the runtime's {newest}: it would not load"


def _needed(row: Row) -> Iterator[Problem]:
    brought = (*row.needed.core, *row.libraries, *row.needed.provided)
    for name in row.needed.module:
        if not any(fnmatch(name, pattern) for pattern in brought):
            yield "needed.module", f"{name} comes from nowhere: name it in libraries, or its source in needed.provided"
    for name in row.needed.provided:
        if name not in row.needed.module:
            yield f"needed.provided.{name}", "the module does not link to it"
    if row.library_data and not row.libraries:
        yield "library_data", "there are no libraries that it belongs to"


def _container(row: Row) -> Iterator[Problem]:
    container = row.container
    for device in container.devices:
        if not device.startswith("/dev/"):
            yield "container.devices", f"{device} is no path under /dev"
    if container.groups and not container.devices:
        yield "container.groups", "there are no devices that they own"
    if (container.reserve == "nvidia") != (row.backend == "cuda"):
        yield "container.reserve", "has to be nvidia in the CUDA rows, and in no other"
    if row.backend == "hip" and "/dev/kfd" not in container.devices:
        yield "container.devices", "has to have /dev/kfd: ROCm computes through it"
    if row.ci.gpu_runner and not row.is_gpu:
        yield "ci.gpu_runner", "a CPU row needs none"
    if row.ci.timeout_minutes <= 0:
        yield "ci.timeout_minutes", f"is {row.ci.timeout_minutes}: a number above 0"


RULES: tuple[Callable[[Row], Iterator[Problem]], ...] = (
    *(_kind, _names, _cuda, _rocm, _device_code, _native, published, _extra, _bases, _needed, _container),
)


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _number(name: str) -> int:
    return _version(name)[0]
