"""What the tests on a GPU share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import xllamacpp as xlc

KIND = xlc.ggml_backend_dev_type
TYPES = {KIND.GGML_BACKEND_DEVICE_TYPE_GPU, KIND.GGML_BACKEND_DEVICE_TYPE_IGPU}


@pytest.fixture(scope="session", autouse=True)
def gpu(params, demo_model) -> dict[str, Any]:
    """Give the first GPU, once it was used: drivers start threads then, and keep them."""
    found = next(device for device in xlc.get_device_info() if device["type"] in TYPES)
    xlc.Server(params(demo_model, n_gpu_layers=99, devices=[found["name"]])).close()
    return found


@pytest.fixture
def free_memory(gpu) -> Callable[[], int]:
    """Tell how many bytes of the GPU's memory are free; skip where its driver does not say."""
    if "llvmpipe" in gpu["description"]:
        pytest.skip("Mesa's driver for the CPU does not tell how much memory is free")
    return lambda: next(device["memory_free"] for device in xlc.get_device_info() if device["name"] == gpu["name"])
