"""Real clients against listening_address: the OpenAI SDK and curl."""

from __future__ import annotations

import json
import subprocess

import pytest
from openai import AsyncOpenAI, OpenAI

MESSAGES = [{"role": "user", "content": "Write a two sentence story about a robot."}]
OPTIONS = {"model": "any", "max_tokens": 24, "temperature": 0, "messages": MESSAGES}


@pytest.fixture(scope="module")
def client(demo_server):
    with OpenAI(base_url=demo_server.listening_address + "/v1", api_key="not-required") as client:
        yield client


def test_openai_chat(client, demo_server):
    text = client.chat.completions.create(**OPTIONS).choices[0].message.content
    in_process = demo_server.request("POST", "/v1/chat/completions", OPTIONS)
    assert text == in_process["choices"][0]["message"]["content"]


def test_openai_streamed_chat(client):
    whole = client.chat.completions.create(**OPTIONS).choices[0].message.content
    stream = client.chat.completions.create(**OPTIONS, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == whole


def test_openai_completion(client):
    answer = client.completions.create(model="any", prompt="Once upon a time", max_tokens=8, temperature=0)
    assert answer.choices[0].text


def test_openai_models(client):
    assert [model.object for model in client.models.list()] == ["model"]


async def test_openai_async_streams(demo_server):
    async with AsyncOpenAI(base_url=demo_server.listening_address + "/v1", api_key="x") as client:
        stream = await client.chat.completions.create(**OPTIONS, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(pieces)


def curl(*arguments):
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", *arguments], capture_output=True, check=True
    ).stdout


def test_curl(demo_server):
    assert json.loads(curl(f"{demo_server.listening_address}/health")) == {"status": "ok"}
    answer = json.loads(curl(f"{demo_server.listening_address}/v1/chat/completions", "--json", json.dumps(OPTIONS)))
    assert answer["choices"][0]["message"]["content"]


def test_curl_streams(demo_server):
    body = json.dumps({**OPTIONS, "stream": True})
    events = curl("--no-buffer", f"{demo_server.listening_address}/v1/chat/completions", "--json", body).split(b"\n\n")
    assert events[-2] == b"data: [DONE]"
    assert all(event.startswith(b"data: ") for event in events[:-1])
