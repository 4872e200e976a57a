"""docs/examples/tls with a real nginx: TLS, streams, keys, and a server that nobody reaches without it."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import time

import httpx
import pytest
from openai import AuthenticationError, OpenAI

from compose.projects import IMAGE, MESSAGES, ROOT, override, project
from compose.stand_ins import nginx
from engines.errors import ComposeError
from image.containers import running, wait_until_healthy

pytestmark = pytest.mark.docker

EXAMPLE = ROOT / "docs" / "examples" / "tls"
PATIENCE_S = 120
LONG = {"messages": MESSAGES, "stream": True, "max_tokens": 8000, "ignore_eos": True}

ASK = """\
import sys, urllib.request
_, path, key = sys.argv
request = urllib.request.Request("http://127.0.0.1:8080" + path, headers={"Authorization": "Bearer " + key})
print(urllib.request.urlopen(request, timeout=30).read().decode())"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The key and the certificate that README.md's lines make."""
    made = tmp_path_factory.mktemp("tls")
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```sh\n(.*?)docker compose up", text, re.DOTALL)
    subprocess.run(["sh", "-euc", lines], cwd=made, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def key(folder):
    return (folder / "api_key").read_text(encoding="ascii").strip()


@pytest.fixture(scope="module")
def served(engine, folder):
    environment = {
        "MODEL": "demo.gguf",
        "CPU_LIMIT": "1",
        "API_KEY_FILE": str(folder / "api_key"),
        "CERTIFICATES": str(folder / "certificates"),
        "HTTP_PORT": "127.0.0.1:0",
        "HTTPS_PORT": "127.0.0.1:0",
    }
    # Small batches, so that a request which is given up ends soon.
    settings = {"LLAMA_ARG_ENDPOINT_METRICS": "1", "LLAMA_ARG_BATCH": "512"}
    changes = {"proxy": nginx(engine), "server": {"environment": settings}}
    files = [EXAMPLE / "compose.yaml", override(folder, changes)]
    with project(engine, *files, environment=environment) as made:
        made.up_with_demo_model()
        yield made


@pytest.fixture(scope="module")
def trust(folder):
    return ssl.create_default_context(cafile=folder / "certificates" / "fullchain.pem")


@pytest.fixture
def http(served, key, trust):
    headers = {"Authorization": f"Bearer {key}"}
    base = f"https://{served.address('proxy', 443)}"
    with httpx.Client(base_url=base, headers=headers, verify=trust, timeout=PATIENCE_S) as client:
        yield client


def ask_inside(served, key, path):
    status, output = served.container("server").exec_run(["python", "-c", ASK, path, key])
    assert status == 0, output
    return output.decode()


def is_working(served, key):
    return any(slot["is_processing"] for slot in json.loads(ask_inside(served, key, "/slots")))


def wait_until_idle(served, key):
    deadline = time.monotonic() + PATIENCE_S
    while is_working(served, key) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_working(served, key)


def test_the_openai_client_gets_an_answer(served, key, trust):
    address = f"https://{served.address('proxy', 443)}/v1"
    with OpenAI(base_url=address, api_key=key, http_client=httpx.Client(verify=trust)) as client:
        answer = client.chat.completions.create(model="demo", messages=MESSAGES, max_tokens=48, temperature=0)
    assert "robot" in answer.choices[0].message.content.lower()


def test_a_stream_comes_as_it_is_made(served, key, http):
    # The first event comes before the prompt is read, and all of them would fit into a buffer of the proxy's.
    body = {"messages": [{"role": "user", "content": "word " * 3000}], "max_tokens": 1}
    with http.stream("POST", "/v1/chat/completions", json={**body, "stream": True, "return_progress": True}) as answer:
        # Kept: an iterator that goes takes the stream with it.
        lines = answer.iter_lines()
        progress = json.loads(next(lines).removeprefix("data: "))["prompt_progress"]
        assert progress["processed"] < progress["total"]
        assert is_working(served, key)
    wait_until_idle(served, key)


def test_a_client_that_goes_ends_its_generation(served, key, http):
    with http.stream("POST", "/v1/chat/completions", json=LONG) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        assert is_working(served, key)
    wait_until_idle(served, key)
    generated = re.findall(
        r"^llamacpp:tokens_predicted_total (\d+)$", ask_inside(served, key, "/metrics"), re.MULTILINE
    )
    assert 0 < int(*generated) < LONG["max_tokens"]


def test_http_2_is_spoken(served, trust):
    trust.set_alpn_protocols(["h2", "http/1.1"])
    host, port = served.address("proxy", 443).split(":")
    plain = socket.create_connection((host, int(port)), PATIENCE_S)
    with trust.wrap_socket(plain, server_hostname=host) as secured:
        assert secured.selected_alpn_protocol() == "h2"


def test_plain_http_is_sent_on(served):
    answer = httpx.post(f"http://{served.address('proxy', 80)}/v1/models?page=1")
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://127.0.0.1/v1/models?page=1"


def test_a_client_that_does_not_know_the_certificate_refuses_it(served):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://{served.address('proxy', 443)}/health")


def test_only_health_is_for_those_without_a_key(served, trust, http):
    address = f"https://{served.address('proxy', 443)}"
    wrong = OpenAI(base_url=f"{address}/v1", api_key="wrong", http_client=httpx.Client(verify=trust))
    with wrong, pytest.raises(AuthenticationError):
        wrong.models.list()
    assert httpx.get(f"{address}/v1/models", verify=trust).status_code == 401
    assert httpx.get(f"{address}/health", verify=trust).json() == {"status": "ok"}
    assert http.get("/v1/models").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/slots", "//slots", "/%73lots", "/slots/0?action=erase"])
def test_what_others_ask_is_not_for_clients(http, path):
    answer = http.get(f"https://{http.base_url.netloc.decode()}{path}")
    assert answer.status_code == 403
    assert answer.headers["Server"] == "nginx"


def test_a_request_with_a_picture_fits_and_one_that_is_too_big_does_not(http):
    # The server's own word on what is no JSON, and nginx's on what it did not let through.
    assert http.post("/v1/chat/completions", content=b" " * 4_000_000).status_code == 400
    assert http.post("/v1/chat/completions", content=b" " * 65 * 1024**2).status_code == 413


def test_the_proxy_alone_is_published(served):
    ports = served.container("server").attrs["NetworkSettings"]["Ports"]
    assert not any(ports.values())


def test_the_proxy_runs_read_only_and_those_who_talk_to_clients_have_no_rights(served):
    proxy = served.container("proxy")
    assert proxy.attrs["HostConfig"]["ReadonlyRootfs"]
    status, output = proxy.exec_run(["sh", "-c", "grep -h -E '^(Name|Uid|CapEff)' /proc/[0-9]*/status"])
    assert status == 0
    processes = re.findall(r"Name:\tnginx\nUid:\t(\d+).*\nCapEff:\t(\w+)", output.decode())
    assert [uid for uid, _ in processes].count("0") == 1
    assert {rights for uid, rights in processes if uid != "0"} == {"0" * 16}


def test_a_server_that_is_made_anew_is_found_at_its_new_address(engine, served, http):
    server, network = served.container("server"), f"{served.name}_default"

    def address():
        server.reload()
        return server.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]

    before = address()
    server.stop()
    # It takes the address that is free now.
    with running(engine.client, IMAGE, ["sh", "-c", "sleep 600"], network=network):
        server.start()
        wait_until_healthy(server)
        assert address() != before
        deadline = time.monotonic() + PATIENCE_S
        while http.get("/v1/models").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert http.get("/v1/models").status_code == 200


def test_a_certificate_that_is_missing_is_an_error(engine, folder):
    environment = {"API_KEY_FILE": str(folder / "api_key"), "CERTIFICATES": str(folder / "nothing")}
    files = [EXAMPLE / "compose.yaml", folder / "override.json"]
    missing = pytest.raises(ComposeError, match="bind source path does not exist")
    with project(engine, *files, environment=environment) as made, missing:
        made.up("--no-deps", "proxy")
    assert not (folder / "nothing").exists()
