"""What ``xllamacpp doctor`` looks at: one function for each section of its report."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from xllamacpp import BUILD_INFO, CommonParams, __version__, get_device_info
from xllamacpp._native import _core
from xllamacpp.cli import generation
from xllamacpp.cli.gpu import is_gpu_required
from xllamacpp.cli.info import version
from xllamacpp.container import container_kind, memory_limit
from xllamacpp.devices import get_backend_modules
from xllamacpp.enums import ggml_backend_dev_type
from xllamacpp.errors import ModelError
from xllamacpp.gpu_access import get_gpu_access
from xllamacpp.models import cache_folder, hub_folder
from xllamacpp.models.names import endpoint, public_url
from xllamacpp.progress import format_size

Mark = Literal["ok", "warning", "problem"]

_PACKAGE = Path(__file__).parent.parent

# Less than this, and hardly a model fits.
_LITTLE_SPACE_BYTES = 10**9


@dataclass(frozen=True)
class Observation:
    """One line of the report.

    Parameters
    ----------
    name : str
        What was looked at.
    text : str
        How it is.
    mark : "ok", "warning" or "problem"
        Whether that is well, a drawback, or in the way of everything.
    remedy : str
        What to do about it, a line for each step; empty where nothing need be done.
    """

    name: str
    text: str
    mark: Mark = "ok"
    remedy: str = ""


def look_at_build() -> Iterator[Observation]:
    """Look whose package this is: another project's on the public index has the same name."""
    yield Observation("package", version())
    yield Observation("folder", str(_PACKAGE))
    yield Observation("backends", f"{' '.join(BUILD_INFO['backends'])}, built by {BUILD_INFO['compiler']}")
    yield _look_at_https()
    # Labels come after the plus sign: they are put on a finished build.
    versions = {each.version.partition("+")[0] for each in distributions_here()}
    if others := versions - {__version__.partition("+")[0]}:
        yield Observation(
            "installation",
            f"pip has xllamacpp {', '.join(sorted(others))} on record here, the files are those of {__version__}",
            "warning",
            "the public package index has another project of this name, and its files may be among ours: pip uninstall "
            "xllamacpp until there is none, then install it again, with --index-url and without --extra-index-url",
        )


def _look_at_https() -> Observation:
    problem, _, remedy = _core.openssl_problem().partition(": ")
    return Observation("HTTPS", problem or "ready, by OpenSSL", "warning" if remedy else "ok", remedy)


def distributions_here() -> list[metadata.Distribution]:
    """Return what pip has on record for the folder that this package is in."""
    found = metadata.distributions(name="xllamacpp")
    return [each for each in found if Path(str(each.locate_file("xllamacpp"))) == _PACKAGE]


def look_at_python() -> Iterator[Observation]:
    """Look at the interpreter and the system."""
    yield Observation("Python", f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})")
    yield Observation("system", platform.platform())
    yield Observation("C library", " ".join(platform.libc_ver()).strip() or "unknown")


def look_at_cpu() -> Iterator[Observation]:
    """Look at the CPU, the module that was chosen for it, and what this process may use of both CPU and memory."""
    loaded = next(module for module in get_backend_modules() if module["kind"] == "cpu" and module["loaded"])
    kind = ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    device = next(device for device in get_device_info() if device["type"] == kind)
    yield Observation("CPU", device["description"])
    yield Observation("module", f"{loaded['name']}: {loaded['reason']}")
    usable, there = _core.allowed_cpus(), os.cpu_count()
    limit = _core.cpu_limit()
    time = "" if limit is None else f", and {limit:g} CPUs' time of them"
    is_slow = limit is not None and limit < 1
    yield Observation(
        "CPUs",
        f"this process may use {usable} of {there}{time}",
        "warning" if is_slow else "ok",
        "answers come slowly with less than one CPU: raise --cpus, or the pod's CPU limit" if is_slow else "",
    )
    most = memory_limit()
    limited = "" if most is None else f"; limited to {format_size(most)}"
    yield Observation("memory", f"{_free(device)}{limited}")


def _free(device: dict[str, Any]) -> str:
    return f"{format_size(device['memory_free'])} of {format_size(device['memory_total'])} free"


def look_at_gpu() -> Iterator[Observation]:
    """Look at the GPUs that this build can use, and at what is in the way of others."""
    access = get_gpu_access()
    devices = {device["name"]: device for device in get_device_info()}
    for name in access.devices:
        yield Observation(name, f"{devices[name]['description']}, {_free(devices[name])}")
    # Only where nothing can be used does it matter that a GPU is required.
    mark: Mark = "problem" if is_gpu_required() and not access.devices else "warning"
    for finding in access.findings:
        yield Observation("GPU", finding.problem, mark, finding.remedy)
    if not access.backends:
        yield Observation(
            "GPU",
            "this build is for the CPU only",
            "problem" if is_gpu_required() else "ok",
            "XLLAMACPP_REQUIRE_GPU is set: take the image or the wheel for your GPU" if is_gpu_required() else "",
        )


def look_at_container() -> Iterator[Observation]:
    """Look at the container, the user, and where files can be written."""
    yield Observation("container", container_kind() or "none that is known")
    groups = " ".join(map(str, sorted({os.getgid(), *os.getgroups()})))
    yield Observation("user", f"uid {os.getuid()}, groups {groups}")
    is_read_only = bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    yield Observation("root file system", "read-only" if is_read_only else "writable")
    try:
        yield Observation("temporary files", f"in {tempfile.gettempdir()}")
    except OSError as error:
        yield Observation(
            "temporary files", error.strerror or str(error), "warning", "start the container with --tmpfs /tmp"
        )


def look_at_models() -> Iterator[Observation]:
    """Look where models are kept, and where they come from."""
    from huggingface_hub import get_token, is_offline_mode

    yield _look_at_folder("cache", cache_folder)
    yield _look_at_folder("hub's cache", hub_folder)
    yield Observation("hub", f"{public_url(endpoint())}{' (offline)' if is_offline_mode() else ''}")
    yield Observation("hub's token", "there is one" if get_token() else "none: enough for public models")


def _look_at_folder(name: str, find: Callable[[], Path]) -> Observation:
    try:
        folder = find()
    except (ModelError, RuntimeError) as error:
        # The user has no home, which some libraries do not take well. Models that are files need no folder.
        return Observation(name, str(error), "warning", "let XLLAMACPP_CACHE name a folder")
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Observation(
            name,
            f"{folder} cannot be written: what is in it can be used, nothing can be added",
            "warning",
            "mount a volume that this user may write, or let XLLAMACPP_CACHE name another folder",
        )
    free = shutil.disk_usage(there).free
    text = f"{folder}, {format_size(free)} free"
    # Some network file systems say 0 for what they do not know.
    if 0 < free < _LITTLE_SPACE_BYTES:
        remedy = "make room ('xllamacpp rm' removes models), or let XLLAMACPP_CACHE name a larger place"
        return Observation(name, text, "warning", remedy)
    return Observation(name, text)


def try_model(model: str) -> Iterator[Observation]:
    """Load a model and let it write a few tokens."""
    params = CommonParams(n_ctx=512, n_parallel=1, warmup=False)
    with generation.load_model(params, model, n_threads=None, verbose=False) as server:
        yield Observation("load", params.model.path)
        body = {"prompt": "Once upon a time", "n_predict": 8, "ignore_eos": True, "temperature": 0}
        answer = server.request("POST", "/completions", body)
        speed = answer["timings"]["predicted_per_second"]
        yield Observation("answer", f"{answer['tokens_predicted']} tokens, {speed:.1f} tokens/s")
