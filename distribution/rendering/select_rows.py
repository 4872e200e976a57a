"""xllamacpp/select/rows.json: what ``python -m xllamacpp.select`` knows of each row."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

from index.pages import index_pages
from matrix import Row
from matrix.row import GROUP_FLAG, NVIDIA_FLAG
from rendering.facts import Facts
from rendering.tables import SERVING

PATH = "xllamacpp/select/rows.json"


def render(facts: Facts) -> str:
    """Return the text of the file. The package reads it with the classes of ``xllamacpp/select/rows.py``."""
    matrix = facts.matrix
    folders = {page.row: f"whl/{page.folder}/" for page in index_pages(matrix)}
    document = {
        "//": "Made by distribution/rendering/select_rows.py from matrix.yaml: do not edit. nox -s matrix -- render",
        "site": matrix.site,
        "image": matrix.name,
        "version": facts.version,
        "python": facts.python,
        "serving": SERVING,
        "nvidia_flag": NVIDIA_FLAG,
        "group_flag": GROUP_FLAG,
        "amd_gpus": dict(matrix.gpus.rocm),
        "nvidia_gpus": dict(matrix.gpus.cuda),
        "last_drivers": dict(matrix.gpus.last_drivers),
        "rows": [_row(row, folders.get(row.name)) for row in matrix.rows.values()],
    }
    return json.dumps(document, indent=2) + "\n"


def _row(row: Row, folder: str | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "backend": row.backend,
        "platform": row.wheel.platform,
        "folder": folder,
        "label": row.wheel.label,
        "libraries": _libraries(row),
        "extra": _extra(row),
        "no_wheel": row.wheel.why,
        "no_image": row.image.why,
        "device_flags": list(row.device_flags),
        "groups": list(row.container.groups),
        "release": _release(row),
        "architectures": list(row.architectures),
        "min_driver": row.cuda and {"sass": row.cuda.min_driver.sass, "ptx": row.cuda.min_driver.ptx},
        "min_vulkan": row.vulkan and row.vulkan.min_version,
    }


def _extra(row: Row) -> dict[str, Any] | None:
    """Return the wheel's extra: which libraries it brings, and where the module looks for them."""
    extra = row.wheel.extra
    if extra is None:
        return None
    return {"name": extra.name, "libraries": list(row.libraries), "folders": list(extra.folders)}


def _release(row: Row) -> str | None:
    version = row.cuda.toolkit if row.cuda else row.rocm.version if row.rocm else None
    return version and ".".join(version.split(".")[:2])


def _libraries(row: Row) -> dict[str, str]:
    """Return what the wheel links to and does not bring, and what does: ``{"libcudart.so.12": "CUDA 12.4"}``."""
    outside = [name for name in (*row.needed.core, *row.needed.module) if "*" not in name]
    sdk = f"{'CUDA' if row.cuda else 'ROCm'} {_release(row)}"
    from_sdk = [name for name in outside if any(fnmatch(name, pattern) for pattern in row.libraries)]
    return {name: row.needed.provided.get(name, sdk if name in from_sdk else "the system") for name in outside}
