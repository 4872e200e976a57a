"""``xllamacpp info``: what was built, and what this machine makes of it."""

from __future__ import annotations

import json
from typing import Any

import click

from xllamacpp import BUILD_INFO, get_device_info, get_system_info
from xllamacpp.devices import get_backend_modules


@click.command("info", short_help="Show the build, the CPU features and the devices.")
@click.option("--json", "as_json", is_flag=True, help="Print it all as one JSON object.")
def command(as_json: bool) -> None:
    """Show the build, the CPU features in use, the backend modules and why each is loaded or not, and the devices.

    \b
    Examples:
      xllamacpp info
      xllamacpp info --json
      XLLAMACPP_CPU_MODULE=haswell xllamacpp info      another CPU module than the best
    """
    modules = get_backend_modules()
    features = _features(get_system_info())
    devices = [{**device, "type": device["type"].name} for device in get_device_info()]
    if as_json:
        report = {"build": BUILD_INFO, "cpu_features": features, "backend_modules": modules, "devices": devices}
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(_section("Build", [(name, _text(value)) for name, value in BUILD_INFO.items() if name != "modules"]))
    click.echo(_section("CPU features in use", [("", " ".join(name for name, value in features.items() if value))]))
    click.echo(_section("Backend modules", [(f"{module['name']}", _module(module)) for module in modules]))
    click.echo(_section("Devices", [(device["name"], _device(device)) for device in devices]), nl=False)


def _features(system_info: str) -> dict[str, int]:
    """Read ``CPU : SSE3 = 1 | AVX2 = 1 | ``."""
    pairs = [part.partition(":")[2] or part for part in system_info.split("|")]
    return {name.strip(): int(value) for name, _, value in (pair.partition("=") for pair in pairs) if value.strip()}


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    width = max((len(name) for name, _ in rows), default=0)
    return f"{title}\n" + "".join(f"  {name:{width}}  {text}\n" for name, text in rows)


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "no" if value is None else str(value)


def _module(module: dict[str, Any]) -> str:
    return f"{'loaded' if module['loaded'] else '-':6}  {module['reason']}"


def _device(device: dict[str, Any]) -> str:
    free, total = device["memory_free"] / 1e9, device["memory_total"] / 1e9
    return f"{device['description']}, {free:.1f} of {total:.1f} GB free"
