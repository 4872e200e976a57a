"""The Vulkan module with Mesa's driver for the CPU: everything a GPU would do, and the numbers that come out of it."""

from __future__ import annotations

import json

import httpx
import pytest

from image.containers import HARDENED, address_of, run, running, wait_until_healthy

pytestmark = pytest.mark.docker

# How likely the next token is, after each of these. What both write by themselves would part at the first near tie.
TEXTS = [
    "Once upon a time, there was a robot who",
    "She opened the door and",
    "The capital of France is",
    "1, 2, 3, 4,",
]
PROGRAM = f"""
import json, math, sys
import xllamacpp as xlc

params = xlc.CommonParams(n_ctx=256, n_parallel=1, n_gpu_layers=99, devices=[sys.argv[1]])
params.model.path = "demo.gguf"
body = {{"n_predict": 1, "temperature": 0, "n_probs": 8}}
with xlc.Server(params) as server:
    answers = [server.request("POST", "/completion", {{**body, "prompt": text}}) for text in {TEXTS!r}]
likely = [answer["completion_probabilities"][0]["top_logprobs"] for answer in answers]
print(json.dumps([{{each["token"]: math.exp(each["logprob"]) for each in tokens}} for tokens in likely]))
"""


@pytest.fixture
def answer(client, image, row, model_volume):
    if row.backend != "vulkan":
        pytest.skip("the row has no Vulkan module")

    def ask(device):
        status, said = run(
            client,
            image,
            ["python", "-c", PROGRAM, device],
            # llama.cpp passes a CPU's driver over unless it is asked for.
            environment={"GGML_VK_VISIBLE_DEVICES": "0"},
            volumes={model_volume.name: {"bind": "/models", "mode": "ro"}},
            **{**HARDENED, "tmpfs": {"/tmp": ""}},
        )
        assert status == 0, said
        return json.loads(said.splitlines()[-1])

    return ask


def test_it_computes_what_the_cpu_module_does(answer):
    vulkan, cpu = answer("Vulkan0"), answer("none")
    assert len(vulkan) == len(cpu) == len(TEXTS)
    for on_vulkan, on_cpu in zip(vulkan, cpu, strict=True):
        # The CPU module rounds to 8 bits on the way; a wrong result would be far from this.
        both = on_vulkan.keys() & on_cpu.keys()
        assert len(both) >= 6
        assert [on_vulkan[token] for token in both] == pytest.approx([on_cpu[token] for token in both], abs=0.04)
    # Two different programs computed them.
    assert vulkan != cpu


def test_the_server_answers_from_it(client, image, row, model_volume):
    if row.backend != "vulkan":
        pytest.skip("the row has no Vulkan module")
    with running(
        client,
        image,
        ["--device", "Vulkan0", "--gpu-layers", "99", "--ctx-size", "512", "--verbosity", "4"],
        environment={"GGML_VK_VISIBLE_DEVICES": "0", "MODEL": "demo.gguf"},
        volumes={model_volume.name: {"bind": "/models", "mode": "ro"}},
        ports={8080: ("127.0.0.1", None)},
        **HARDENED,
    ) as container:
        wait_until_healthy(container)
        body = {"prompt": "Once upon a time", "max_tokens": 16, "temperature": 0}
        answer = httpx.post(f"http://{address_of(container)}/v1/completions", json=body, timeout=120).json()
        assert answer["usage"]["completion_tokens"] == 16
        assert "Vulkan0 model buffer size" in container.logs().decode()
