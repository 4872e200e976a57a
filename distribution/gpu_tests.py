"""Runs the tests that need a GPU: inside the image, with the devices that the row's users give it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docker.types import DeviceRequest

from engine import Engine
from matrix import Matrix, Row


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
        For pytest, instead of ``-m gpu``.

    Returns
    -------
    int
        pytest's exit status. Tests that find no GPU fail: nobody would notice that they were skipped.
    """
    devices = [device for device in row.container.devices if Path(device).exists()]
    container = engine.client.containers.run(
        f"{matrix.name}:{row.name}-test",
        list(arguments) or ["-m", "gpu"],
        detach=True,
        environment={"XLLAMACPP_REQUIRE_GPU": "1"},
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
