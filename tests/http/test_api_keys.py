"""API keys: who is let in, by which header, and what the others are told."""

from __future__ import annotations

import anthropic
import httpx
import openai
import pytest

import models
import xllamacpp as xlc

KEYS = ["the first key", "the second key"]
REFUSAL = {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}


@pytest.fixture(scope="module")
def server(params):
    with xlc.Server(params(models.tiny(models.TINY), n_parallel=1, api_keys=KEYS, endpoint_metrics=True)) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.listening_address) as client:
        yield client


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("header", [("Authorization", "Bearer {}"), ("X-Api-Key", "{}"), ("authorization", "{}")])
def test_a_key_lets_in_by_either_header(client, header, key):
    name, form = header
    assert client.get("/v1/models", headers={name: form.format(key)}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {KEYS[0]}"},
        {"Authorization": f"bearer {KEYS[0]}"},
        {"Authorization": f"Bearer {KEYS[0]} "[:-2]},
        {"Authorization": "Bearer another", "X-Api-Key": KEYS[0]},
        {"X-Api-Key": ""},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/props", "/metrics", "/v1/completions", "/no/such/path"])
def test_everybody_else_is_refused_in_openais_form(client, headers, path):
    answer = client.request("POST" if "completions" in path else "GET", path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, REFUSAL)
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health_needs_no_key(client, path):
    assert client.get(path).json() == {"status": "ok"}


def test_a_browser_may_ask_beforehand_without_a_key(client):
    answer = client.options("/v1/models", headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 200


def test_this_process_needs_no_key(server):
    assert server.request("GET", "/props")["total_slots"] == 1


def test_the_openai_sdk(server):
    def ask(key):
        with openai.OpenAI(base_url=server.listening_address + "/v1", api_key=key, max_retries=0) as client:
            return client.completions.create(model="any", prompt="the inn", max_tokens=2)

    assert ask(KEYS[1]).choices
    with pytest.raises(openai.AuthenticationError, match="Invalid API Key"):
        ask("a guess")


@pytest.mark.parametrize("way", ["api_key", "auth_token"])
def test_the_anthropic_sdk(server, way):
    def ask(key):
        with anthropic.Anthropic(base_url=server.listening_address, max_retries=0, **{way: key}) as client:
            return client.messages.create(model="any", messages=[{"role": "user", "content": "a"}], max_tokens=2)

    assert ask(KEYS[0]).content
    with pytest.raises(anthropic.AuthenticationError, match="Invalid API Key"):
        ask("a guess")
