"""The server in a container, run as a careful operator does: read-only, without rights, as a user that nobody knows."""

from __future__ import annotations

import json
import threading

import httpx
import pytest
from openai import OpenAI

from image.containers import HARDENED, address_of, run, running, wait_until_healthy

pytestmark = pytest.mark.docker

MESSAGES = [{"role": "user", "content": "Write a two sentence story about a robot."}]


@pytest.fixture
def server(client, image, model_volume):
    options = {**HARDENED, "volumes": {model_volume.name: {"bind": "/models", "mode": "ro"}}}
    with running(
        client,
        image,
        environment={"MODEL": "demo.gguf", "LLAMA_ARG_CTX_SIZE": "2048"},
        ports={8080: ("127.0.0.1", None)},
        **options,
    ) as container:
        wait_until_healthy(container)
        yield container


def test_it_streams_a_chat_over_a_published_port(server):
    with OpenAI(base_url=f"http://{address_of(server)}/v1", api_key="none") as client:
        chunks = list(
            client.chat.completions.create(model="demo", messages=MESSAGES, max_tokens=48, temperature=0, stream=True)
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(chunks) > 20
    assert "robot" in text.lower()


def test_stopping_lets_a_stream_finish_and_ends_well(server):
    seen: list[str] = []
    first = threading.Event()

    def read() -> None:
        body = {"messages": MESSAGES, "max_tokens": 64, "temperature": 0, "stream": True, "ignore_eos": True}
        with httpx.stream("POST", f"http://{address_of(server)}/v1/chat/completions", json=body, timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    seen.append(line.removeprefix("data: "))
                    first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(60)
    server.stop(timeout=10)
    reader.join(60)
    assert seen[-1] == "[DONE]"
    assert json.loads(seen[-2])["timings"]["predicted_n"] == 64
    server.reload()
    assert server.attrs["State"]["ExitCode"] == 0


def test_it_writes_nothing_into_its_own_layer(client, image, model_volume):
    # Not read-only, so that a write would succeed, and be seen.
    volumes = {model_volume.name: {"bind": "/models", "mode": "ro"}}
    with running(client, image, environment={"MODEL": "demo.gguf"}, volumes=volumes) as container:
        wait_until_healthy(container)
        assert container.diff() is None


def test_without_a_model_it_says_how_to_give_one(client, image):
    status, said = run(client, image, **HARDENED)
    assert status == 2
    assert "-e MODEL=" in said
    assert "-v" in said
    assert "/models" in said


def test_flags_alone_are_the_servers(client, image, model_volume):
    volumes = {model_volume.name: {"bind": "/models", "mode": "ro"}}
    with running(client, image, ["--model", "demo.gguf", "--port", "9000"], volumes=volumes, **HARDENED) as container:
        wait_until_healthy(container)
        assert b"listening on http://0.0.0.0:9000" in container.logs()


def test_the_health_check_follows_the_port_the_key_and_tls(client, image, model_volume, certificate):
    environment = {
        "MODEL": "demo.gguf",
        "LLAMA_ARG_PORT": "9443",
        "LLAMA_API_KEY": "secret",
        "LLAMA_ARG_SSL_CERT_FILE": "/tls/cert.pem",
        "LLAMA_ARG_SSL_KEY_FILE": "/tls/key.pem",
    }
    volumes = {model_volume.name: {"bind": "/models", "mode": "ro"}, str(certificate): {"bind": "/tls", "mode": "ro"}}
    with running(
        client, image, environment=environment, volumes=volumes, ports={9443: ("127.0.0.1", None)}, **HARDENED
    ) as container:
        wait_until_healthy(container)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://{address_of(container, 9443)}/health", timeout=10)
        answer = httpx.get(f"https://{address_of(container, 9443)}/v1/models", verify=False, timeout=10)
        assert answer.status_code == 401


def test_a_container_without_a_server_is_not_healthy(client, image, model_volume):
    volumes = {model_volume.name: {"bind": "/models", "mode": "ro"}}
    with running(client, image, ["sh", "-c", "sleep 60"], volumes=volumes, **HARDENED) as container:
        status, said = container.exec_run(["xllamacpp", "health"])
        assert status == 1
        assert said.startswith(b"unhealthy: nothing listens")


def test_the_first_process_is_an_init(server):
    status, said = server.exec_run(["cat", "/proc/1/comm"])
    assert (status, said.strip()) == (0, b"tini")
