"""A server that sleeps gives the GPU's memory back, and takes it again with the next request."""

from __future__ import annotations

import time

import pytest

import xllamacpp as xlc

pytestmark = pytest.mark.gpu

_PATIENCE_S = 120
_BODY = {"prompt": "Once upon a time", "n_predict": 8, "temperature": 0}


def fall_asleep(server):
    end = time.monotonic() + _PATIENCE_S
    while not server.request("GET", "/props")["is_sleeping"]:
        assert time.monotonic() < end, "it stays awake"
        time.sleep(0.02)


def test_the_memory_is_free_while_it_sleeps(gpu, params, demo_model, free_memory):
    size = demo_model.stat().st_size
    before = free_memory()
    served = params(demo_model, n_gpu_layers=99, devices=[gpu["name"]], sleep_idle_seconds=1)
    with xlc.Server(served) as server:
        for _ in range(2):
            text = server.request("POST", "/completion", _BODY)["content"]
            assert before - free_memory() > size / 2
            fall_asleep(server)
            assert before - free_memory() < size / 2
        assert server.request("POST", "/completion", _BODY)["content"] == text
