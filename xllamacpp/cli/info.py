"""``xllamacpp info``: what was built, and what this machine makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from xllamacpp import BUILD_INFO, get_device_info, get_system_info
from xllamacpp._native import _core
from xllamacpp.devices import get_backend_modules

_BUILD_FACTS = [
    ("compiler", f"{BUILD_INFO['compiler']} for {BUILD_INFO['build_target']}"),
    ("flags", f"{BUILD_INFO['flags']} ({BUILD_INFO['build_type']})"),
    ("backends", " ".join(BUILD_INFO["backends"])),
    ("LLGuidance", BUILD_INFO["llguidance"] or "left out: JSON schemas go through GBNF grammars"),
    ("OpenSSL", _core.openssl_problem() or f"found; the build's was {BUILD_INFO['openssl']}"),
]


@click.command("info", short_help="Show the build, the features in use and the devices.")
@click.option("--json", "as_json", is_flag=True, help="Print it all as one JSON object.")
def command(as_json: bool) -> None:
    """Show the build, the features in use, the backend modules and why each is loaded or not, and the devices.

    \b
    Examples:
      xllamacpp info
      xllamacpp info --json
      XLLAMACPP_CPU_MODULE=haswell xllamacpp info      another CPU module than the best
    """
    features = parse_features(get_system_info())
    if as_json:
        report = {
            "build": BUILD_INFO,
            "features": features,
            "backend_modules": get_backend_modules(),
            "devices": [{**device, "type": device["type"].name} for device in get_device_info()],
        }
        click.echo(json.dumps(report, indent=2))
        return
    used = ((backend, _used(values)) for backend, values in features.items())
    click.echo(f"{version()}\n\nBuild\n{_table(_BUILD_FACTS)}\nFeatures in use\n{_table(used)}")
    click.echo(f"Backend modules\n{_modules()}\nDevices\n{devices()}", nl=False)


def version() -> str:
    """Return a line on the versions of this package and of llama.cpp."""
    llama_cpp = f"{BUILD_INFO['llama_cpp_version']}, commit {BUILD_INFO['llama_cpp_commit']}"
    return f"xllamacpp {BUILD_INFO['version']} (llama.cpp {llama_cpp})"


def devices() -> str:
    """Return a line for each device that models can run on."""
    return _table((device["name"], _device(device)) for device in get_device_info())


def parse_features(system_info: str) -> dict[str, dict[str, int | str]]:
    """Read ``CUDA : ARCHS = 860 | CPU : SSE3 = 1 | AVX2 = 1 | `` into the features of each backend."""
    features: dict[str, dict[str, int | str]] = {}
    backend = ""
    for part in system_info.split("|"):
        name, is_feature, value = (piece.strip() for piece in part.partition("="))
        if " : " in name:
            backend, name = name.split(" : ", 1)
        if is_feature:
            features.setdefault(backend, {})[name] = int(value) if value.isdecimal() else value
    return features


def _used(values: dict[str, int | str]) -> str:
    return " ".join(name if value == 1 else f"{name}={value}" for name, value in values.items() if value)


def _modules() -> str:
    return _table(
        (module["name"], f"{'loaded' if module['loaded'] else '-':6}  {module['reason']}")
        for module in get_backend_modules()
    )


def _device(device: dict[str, Any]) -> str:
    free, total = device["memory_free"] / 1e9, device["memory_total"] / 1e9
    return f"{device['description']}, {free:.1f} of {total:.1f} GB free"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"  {name:{width}}  {text}\n" for name, text in rows)
