"""One row of matrix.yaml as dataclasses: their fields are the file's keys, their methods what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from matrix.bases import Base, Bases, StandIn, nothing
from strict_yaml import StrictYamlError


class MatrixError(StrictYamlError):
    """matrix.yaml says what cannot be, or something was asked of a row that it does not have."""


@dataclass(frozen=True)
class Drivers:
    """NVIDIA's oldest drivers: ``sass`` for code compiled for the GPU, ``ptx`` for what is compiled on the machine."""

    sass: str
    ptx: str


@dataclass(frozen=True)
class Cuda:
    """A CUDA row: its toolkit, the device code (CMake's spelling, oldest first, ``-virtual`` last), and the limits."""

    toolkit: str
    architectures: tuple[str, ...]
    sample: str
    min_driver: Drivers
    host_gcc_max: int


@dataclass(frozen=True)
class Rocm:
    """A ROCm row: its release, LLVM's names of the GPUs, and the oldest amdgpu driver of AMD's."""

    version: str
    targets: tuple[str, ...]
    sample: str
    min_driver: str


@dataclass(frozen=True)
class Vulkan:
    """A Vulkan row: the oldest version of Vulkan that a driver has to have."""

    min_version: str


@dataclass(frozen=True)
class CMake:
    """CMake options by name: of the core, and of the GPU module."""

    core: Mapping[str, str]
    module: Mapping[str, str] = field(default_factory=nothing)


@dataclass(frozen=True)
class Needed:
    """What libraries may link to, as shell patterns; ``provided`` says who brings what we do not ship."""

    core: tuple[str, ...]
    module: tuple[str, ...] = ()
    provided: Mapping[str, str] = field(default_factory=nothing)


@dataclass(frozen=True)
class Container:
    """What a container of the row gets: devices, groups that own them, GPUs to reserve, environment of the image."""

    reserve: Literal["nvidia"] | None = None
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=nothing)


@dataclass(frozen=True)
class Package:
    """Wheels of another project that hold libraries: which versions do, and their folder, from site-packages on."""

    versions: str
    folder: str


@dataclass(frozen=True)
class Extra:
    """What a wheel asks for on demand: packages that bring the row's ``libraries``."""

    name: str
    packages: Mapping[str, Package]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The packages with their versions, as installers take them."""
        return tuple(f"{name}{package.versions}" for name, package in self.packages.items())

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that the libraries are in, from site-packages on."""
        return tuple(package.folder for package in self.packages.values())


@dataclass(frozen=True)
class Wheel:
    """The wheel: tag, local label, folders in the index, size limit in MB, extra, and whether it is published."""

    platform: str
    label: str | None
    index: str | None
    max_mb: int
    published: bool
    why: str | None = None
    index_aliases: tuple[str, ...] = ()
    extra: Extra | None = None


@dataclass(frozen=True)
class Image:
    """The image: its size limit over its base in MB, and whether it is published."""

    max_mb: int
    published: bool
    why: str | None = None


@dataclass(frozen=True)
class Ci:
    """The jobs: where they run, for how long at most, on each change or not, and where there is such a GPU."""

    runner: str
    timeout_minutes: int
    each_change: bool
    gpu_runner: tuple[str, ...] = ()


Backend = Literal["cpu", "cuda", "hip", "vulkan"]

NVIDIA_FLAG = "--gpus all"
"""str: what ``docker run`` needs for NVIDIA's GPUs."""

GROUP_FLAG = '--group-add "$(getent group {group} | cut -d: -f3)"'
"""str: what ``docker run`` needs for the devices of a group, as a shell takes it: inside the groups are others."""


@dataclass(frozen=True)
class Row:
    """One row of the matrix. What a key means is said in matrix.yaml and at the classes above.

    Parameters
    ----------
    name : str
        The row's name, and its image's tag.
    """

    name: str
    title: str
    backend: Backend
    dockerfile: Literal["cpu", "cuda", "rocm", "vulkan"]
    hardware: str
    bases: Bases
    cmake: CMake
    needed: Needed
    wheel: Wheel
    image: Image
    ci: Ci
    alias: str | None = None
    driver: str | None = None
    cuda: Cuda | None = None
    rocm: Rocm | None = None
    vulkan: Vulkan | None = None
    libraries: tuple[str, ...] = ()
    library_data: tuple[str, ...] = ()
    container: Container = field(default_factory=Container)
    forbid_env: tuple[str, ...] = ()

    @property
    def dockerfile_path(self) -> str:
        """The Dockerfile, from the root of the checkout."""
        return f"Dockerfiles/{self.dockerfile}.Dockerfile"

    @property
    def is_gpu(self) -> bool:
        """Whether the row adds a GPU module to the core."""
        return self.backend != "cpu"

    @property
    def architectures(self) -> tuple[str, ...]:
        """What the GPU module has device code for, in CMake's spelling; empty for Vulkan and the CPU."""
        return self.cuda.architectures if self.cuda else self.rocm.targets if self.rocm else ()

    @property
    def sample(self) -> tuple[str, ...]:
        """The one architecture that is compiled where all of them would take hours; empty as above."""
        found = self.cuda or self.rocm
        return (found.sample,) if found else ()

    @property
    def drivers(self) -> str:
        """What the host has to have, for a table."""
        if self.cuda:
            oldest = self.cuda.min_driver
            return f"NVIDIA {oldest.sass} or newer; {oldest.ptx} for a GPU that is newer than those listed"
        if self.rocm:
            return f"amdgpu: AMD's {self.rocm.min_driver} or newer, or Linux's own"
        if self.vulkan:
            return f"Vulkan {self.vulkan.min_version}; {self.driver}"
        return self.driver or ""

    @property
    def has_stand_ins(self) -> bool:
        """Whether the row can be built of Debian's packages alone."""
        return not any(base.stand_in.none for base in self.bases.images)

    @property
    def run_flags(self) -> tuple[str, ...]:
        """What ``docker run`` needs for the GPU, as a shell takes it."""
        return (*self.device_flags, *(GROUP_FLAG.format(group=group) for group in self.container.groups))

    @property
    def device_flags(self) -> tuple[str, ...]:
        """The part of :attr:`run_flags` that is the same on every machine."""
        reserve = (NVIDIA_FLAG,) if self.container.reserve else ()
        return (*reserve, *(f"--device {device}" for device in self.container.devices))

    @property
    def module_options(self) -> dict[str, str]:
        """The CMake options of the GPU module, but for its device code."""
        extra = self.wheel.extra
        return {**({"XLLAMACPP_MODULE_LIBRARY_DIRS": ";".join(extra.folders)} if extra else {}), **self.cmake.module}

    def wheel_version(self, version: str) -> str:
        """Return the version of the row's wheel, with its local label."""
        return f"{version}+{self.wheel.label}" if self.wheel.label else version

    def build_args(self, *, stand_ins: bool = False, architectures: Sequence[str] = ()) -> dict[str, str]:
        """Return what the row's Dockerfile takes, but for VERSION, REVISION and CREATED.

        Parameters
        ----------
        stand_ins : bool
            Build in the stand-ins instead of the images that they stand for.
        architectures : sequence of str
            Compile the GPU module for these alone, e.g. the row's ``sample``. Empty: for all of the row's.

        Raises
        ------
        MatrixError
            There is no stand-in, or the row has no such architecture.
        """
        bases = self.bases
        arguments = {
            "ROW": self.name,
            "BUILDER_IMAGE": self._image("builder", bases.builder, stand_ins),
            "BUILDER_PACKAGES": " ".join(bases.builder.packages),
            "OLDEST_IMAGE": self._image("oldest", bases.oldest, stand_ins),
            "OLDEST_PACKAGES": " ".join(bases.oldest.packages),
            "RUNTIME_IMAGE": self._image("runtime", bases.runtime, stand_ins),
            "RUNTIME_PACKAGES": " ".join(bases.runtime.packages),
            "CORE_CMAKE_OPTIONS": _options(self.cmake.core),
            "WHEEL_LABEL": self.wheel.label or "",
            "WHEEL_PLATFORM": self.wheel.platform,
            **self.container.environment,
        }
        if bases.sdk:
            targets = self._chosen(architectures)
            other = bases.sdk.stand_in if stand_ins else StandIn()
            libraries = self.libraries if other.libraries is None else other.libraries
            data = self.library_data if other.library_data is None else other.library_data
            arguments |= {
                "SDK_IMAGE": self._image("sdk", bases.sdk, stand_ins),
                "SDK_PACKAGES": " ".join(bases.sdk.packages),
                "MODULE": self.backend,
                "MODULE_CMAKE_OPTIONS": _options({**self._device_code(targets), **self.module_options, **other.cmake}),
            }
            if self.libraries:
                arguments["RUNTIME_LIBRARIES"] = " ".join(libraries)
            if extra := self.wheel.extra:
                arguments["WHEEL_EXTRA"] = " ".join([extra.name, *extra.requirements])
            if self.cuda:
                arguments["HOST_GCC_MAX"] = str(self.cuda.host_gcc_max)
            if self.rocm:
                arguments |= {"RUNTIME_LIBRARY_DATA": " ".join(data), "GPU_TARGETS": " ".join(targets)}
        return arguments

    def _image(self, key: str, base: Base, stand_ins: bool) -> str:
        if not stand_ins:
            return base.reference
        if base.stand_in.none:
            raise MatrixError(f"row {self.name}: bases.{key} ({base.name}) has no stand-in: {base.stand_in.none}")
        return base.stand_in.image

    def _chosen(self, architectures: Sequence[str]) -> tuple[str, ...]:
        unknown = set(architectures) - set(self.architectures)
        if unknown:
            known = ", ".join(self.architectures) or "none to choose from"
            raise MatrixError(f"row {self.name}: no architecture {', '.join(sorted(unknown))}. It has {known}")
        return tuple(architectures) or self.architectures

    def _device_code(self, targets: Sequence[str]) -> dict[str, str]:
        names = {"cuda": "CMAKE_CUDA_ARCHITECTURES", "hip": "CMAKE_HIP_ARCHITECTURES"}
        return {names[self.backend]: ";".join(targets)} if self.backend in names else {}


def _options(options: Mapping[str, str]) -> str:
    return " ".join(f"-D{name}={value}" for name, value in options.items())
