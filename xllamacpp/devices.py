"""Compute backends and devices: what this machine offers, and which modules use it."""

from __future__ import annotations

from typing import Any

from xllamacpp._native import _core
from xllamacpp._native.backends import load_backends
from xllamacpp.enums import ggml_backend_dev_type


def get_backend_modules() -> list[dict[str, Any]]:
    """List the backend modules in the package, loaded or not.

    Returns
    -------
    list of dict
        ``name`` (str), ``path`` (str), ``kind`` ("cpu": the best one is loaded; "gpu", "accelerator": each is),
        ``score`` (int, ggml's own measure: 0 cannot run on this CPU, higher is better), ``loaded`` (bool), ``reason``
        (str).
    """
    load_backends()
    return _core.backend_modules()


def get_device_info() -> list[dict[str, Any]]:
    """List the devices that models can run on.

    Returns
    -------
    list of dict
        ``name`` (str, e.g. "CPU", "CUDA0"), ``description`` (str, the product), ``type``
        (:class:`ggml_backend_dev_type`), ``device_id`` (str, the PCI address or empty), ``memory_free`` and
        ``memory_total`` (int, bytes, as they are now), ``caps`` (dict of bool: ``async``, ``host_buffer``,
        ``buffer_from_host_ptr``, ``events``).
    """
    load_backends()
    return [{**device, "type": ggml_backend_dev_type(device["type"])} for device in _core.devices()]


def get_system_info() -> str:
    """Return llama.cpp's line on the CPU features, and others, that the loaded modules use.

    Returns
    -------
    str
        E.g. ``"CPU : SSE3 = 1 | AVX2 = 1 | LLAMAFILE = 1 | "``.
    """
    load_backends()
    return _core.system_info()
