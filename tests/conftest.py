"""What the tests share: models, parameters, servers, and a watch over what a module leaves behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import models
import xllamacpp as xlc
from hub_server import HubServer
from xllamacpp.models import KNOWN, fetch

_PATIENCE_S = 10.0


def pytest_configure() -> None:
    """Let Ctrl-C through to the programs that the tests start.

    A shell that runs the tests in the background has them ignore SIGINT, and they would hand that on.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _take_one_cpu()


def _take_one_cpu() -> None:
    """Keep each of several test processes on a CPU of its own.

    ggml's threads spin while they wait for each other, so two servers on the same CPUs stand in each other's way. On
    one CPU a server uses one thread.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpus[int(worker.removeprefix("gw")) % len(cpus)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    needing = [item for item in items if item.get_closest_marker("gpu")]
    if needing and not _gpus():
        if os.environ.get("XLLAMACPP_REQUIRE_GPU") == "1":
            raise pytest.UsageError("XLLAMACPP_REQUIRE_GPU is set, and there is no GPU device: see `xllamacpp doctor`")
        for item in needing:
            item.add_marker(
                pytest.mark.skip(reason="no GPU device: this build has no GPU module, or its driver is missing")
            )


def _gpus() -> list[dict[str, Any]]:
    kind = xlc.ggml_backend_dev_type
    types = {kind.GGML_BACKEND_DEVICE_TYPE_GPU, kind.GGML_BACKEND_DEVICE_TYPE_IGPU}
    return [device for device in xlc.get_device_info() if device["type"] in types]


@pytest.fixture(scope="session")
def demo_model() -> Path:
    """SmolLM2-135M-Instruct: a real chat model, tiny. It proves plumbing, not knowledge."""
    return fetch(KNOWN["demo"])


@pytest.fixture(scope="session")
def gemma_model() -> Path:
    """Gemma 3 270M, a base model: another architecture, another tokenizer, a long context."""
    return fetch(models.GEMMA)


@pytest.fixture(scope="session")
def params() -> Callable[..., xlc.CommonParams]:
    """Make parameters for a small, quick server; any field can be given."""

    def make(model: Path, **fields: Any) -> xlc.CommonParams:
        made = xlc.CommonParams(**{"n_ctx": 2048, "n_parallel": 4, "warmup": False, **fields})
        made.model.path = str(model)
        return made

    return make


# Servers live for a module and not for the session, so that the watch below sees them go.


@pytest.fixture(scope="module")
def demo_server(demo_model: Path, params: Callable[..., xlc.CommonParams]) -> Iterator[xlc.Server]:
    """Serve the demo model: four slots, every route enabled."""
    with xlc.Server(params(demo_model, n_ctx=4096, endpoint_slots=True, endpoint_metrics=True)) as server:
        yield server


@pytest.fixture(scope="module")
def gemma_server(gemma_model: Path, params: Callable[..., xlc.CommonParams]) -> Iterator[xlc.Server]:
    """Serve Gemma 3 270M: four slots."""
    with xlc.Server(params(gemma_model, n_ctx=4096)) as server:
        yield server


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """Serve a hub of our own, with nothing in it: the only one there is, for an empty cache and no token."""
    from huggingface_hub import close_session, constants

    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("HF_")]:
        monkeypatch.delenv(name)
    for name in ("HUGGINGFACE_HUB_CACHE", "MODEL_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XLLAMACPP_CACHE", str(tmp_path / "cache"))
    # huggingface_hub has read the variable when it was imported; programs that the tests start will read it.
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    close_session()
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server
        close_session()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect for how long a failed request would wait for the next attempt, which comes at once."""
    collected: list[float] = []
    monkeypatch.setattr("xllamacpp.models.connection.sleep", collected.append)
    return collected


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a module that leaves a native thread, a thread of ours or a listening port."""
    before = _native_threads(), _listening_ports()
    yield
    deadline = time.monotonic() + _PATIENCE_S
    while (left := _left_behind(*before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, f"left behind: {left}"


def _left_behind(threads_before: set[int], ports_before: set[int]) -> list[str]:
    # Python threads of other packages (an HTTP client's, a test's) are not ours to judge.
    python_threads = {thread.native_id for thread in threading.enumerate()}
    native = _native_threads() - threads_before - python_threads
    ours = [thread.name for thread in threading.enumerate() if thread.name.startswith("xllamacpp")]
    ports = _listening_ports() - ports_before
    return [
        *(f"native thread {number}" for number in sorted(native)),
        *(f"thread {name}" for name in ours),
        *(f"port {port}" for port in sorted(ports)),
    ]


def _native_threads() -> set[int]:
    return {thread.id for thread in psutil.Process().threads()}


def _listening_ports() -> set[int]:
    connections = psutil.Process().net_connections(kind="inet")
    return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}
