"""What ships, as rows.json has it: distribution/rendering/select_rows.py makes that file from matrix.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .resources import read_resource


@dataclass(frozen=True)
class Extra:
    """What a wheel brings on demand, with packages of others.

    Parameters
    ----------
    name : str
        What stands in brackets for it: "cuda" for ``xllamacpp[cuda]``.
    libraries : tuple of str
        The libraries that come with it.
    folders : tuple of str
        Where they are, from site-packages on.
    """

    name: str
    libraries: tuple[str, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A build: its wheel and its image.

    Parameters
    ----------
    name, backend : str
        As in matrix.yaml.
    platform : str
        The wheel's platform tag, as "manylinux_2_35_x86_64".
    folder : str or None
        The folder of the index that serves the wheel; None where it is not published.
    label : str or None
        The wheel's local label, as "cu124".
    libraries : mapping of str to str
        What the wheel links to and does not bring, and what does.
    extra : Extra or None
        What brings some of them on demand.
    no_wheel, no_image : str or None
        Why it is not published; None where it is.
    device_flags : tuple of str
        What ``docker run`` takes for the GPU.
    groups : tuple of str
        The host's groups that own the devices.
    release : str or None
        CUDA's or ROCm's, as "12.4".
    architectures : tuple of str
        What there is GPU code for: "86-real", "90-virtual", "gfx1100".
    min_driver : mapping of str to str or None
        NVIDIA's oldest drivers: "sass" for code that is there, "ptx" for code that is made on the machine.
    min_vulkan : str or None
        The oldest version of Vulkan.
    """

    name: str
    backend: str
    platform: str
    folder: str | None
    label: str | None
    libraries: Mapping[str, str]
    extra: Extra | None
    no_wheel: str | None
    no_image: str | None
    device_flags: tuple[str, ...]
    groups: tuple[str, ...]
    release: str | None
    architectures: tuple[str, ...]
    min_driver: Mapping[str, str] | None
    min_vulkan: str | None


@dataclass(frozen=True)
class Rows:
    """All builds, and what is the same for all of them.

    Parameters
    ----------
    rows : tuple of Row
        The builds, in matrix.yaml's order.
    site : str or None
        Where the folders of the index are served.
    image : str
        The images' name.
    version : str
        The wheels', without their labels.
    python : str
        The oldest Python that the wheels are for.
    serving, nvidia_flag, group_flag : str
        Parts of the docker command.
    amd_gpus : mapping of str to str
        Which GPUs each of LLVM's names is.
    nvidia_gpus : mapping of str to str
        Which GPUs each compute capability is, as "86".
    last_drivers : mapping of str to str
        The last branch of NVIDIA's driver for a compute capability that newer ones have dropped.
    """

    rows: tuple[Row, ...]
    site: str | None
    image: str
    version: str
    python: str
    serving: str
    nvidia_flag: str
    group_flag: str
    amd_gpus: Mapping[str, str]
    nvidia_gpus: Mapping[str, str]
    last_drivers: Mapping[str, str]

    def find(self, name: str | None) -> Row | None:
        """Return the build of a name; None where there is none."""
        return next((row for row in self.rows if row.name == name), None)


def load_rows() -> Rows:
    """Read rows.json."""
    document = json.loads(read_resource("rows.json"))
    del document["//"]
    return Rows(rows=tuple(_row(row) for row in document.pop("rows")), **document)


def _row(values: dict[str, Any]) -> Row:
    row = _frozen(values)
    return Row(**{**row, "extra": row["extra"] and Extra(**_frozen(row["extra"]))})


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as what can be compared: "550.54.15" as (550, 54, 15)."""
    return tuple(int(number) for number in re.findall(r"\d+", version))
