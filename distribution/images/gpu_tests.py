"""Runs the tests that need a GPU: inside the image, with the devices that the row's users give it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from docker.types import DeviceRequest

from engines.engine import Engine
from matrix import Matrix, Row

# Which of several devices, as on the machine itself.
_CHOICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES")
_TESTS = ("-m", "gpu", "-p", "no:cacheprovider", "tests/gpu")
_CERTIFICATES = "/run/certificates.pem"


def run(engine: Engine, matrix: Matrix, row: Row, arguments: Sequence[str] = ()) -> int:
    """Run the tests in the image of a row's stage ``test``; print what they say.

    Parameters
    ----------
    engine : Engine
        The engine of a machine that has the device.
    matrix : Matrix
        The matrix.
    row : Row
        The row.
    arguments : sequence of str, optional
        For pytest, instead of those that run the tests marked ``gpu``.

    Returns
    -------
    int
        pytest's exit status. Tests that find no GPU fail: nobody would notice that they were skipped.
    """
    devices = [device for device in row.container.devices if Path(device).exists()]
    environment = {name: os.environ[name] for name in _CHOICES if name in os.environ}
    # The tests' model comes from the package index.
    bundle = engine.secrets.get("cacert")
    container = engine.client.containers.run(
        f"{matrix.name}:{row.name}-test",
        list(arguments or _TESTS),
        detach=True,
        environment={"XLLAMACPP_REQUIRE_GPU": "1", **environment, **({"PIP_CERT": _CERTIFICATES} if bundle else {})},
        volumes={str(bundle): {"bind": _CERTIFICATES, "mode": "ro"}} if bundle else {},
        device_requests=[DeviceRequest(count=-1, capabilities=[["gpu"]])] if row.container.reserve else None,
        devices=[f"{device}:{device}" for device in devices],
        group_add=sorted({str(owner) for device in devices for owner in _groups(Path(device))}),
    )
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="", flush=True)
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True, v=True)


def _groups(device: Path) -> list[int]:
    """Return the groups that own a device, or the devices in a folder."""
    return [path.stat().st_gid for path in ([device] if not device.is_dir() else device.iterdir()) if not path.is_dir()]
