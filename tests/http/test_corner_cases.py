"""What the socket answers to requests that nobody should send."""

from __future__ import annotations

import contextlib
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

import models
import xllamacpp as xlc

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(params):
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.listening_address, timeout=120) as client:
        yield client


def error_of(answer):
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    return error


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/no/such/path", "/v1", "/v1/completions/", "//health", "/v1/Completions", "/%00"])
def test_a_path_that_does_not_exist_is_an_error_in_json(client, method, path):
    answer = client.request(method, path)
    assert (answer.status_code, error_of(answer)["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/completions", "POST"),
        ("DELETE", "/v1/completions", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/props", "GET, POST"),
        ("GET", "/slots/0", "POST"),
        ("POST", "/v1/stream", "GET, DELETE"),
    ],
)
def test_a_wrong_method_says_which_are_right_through_both_doors(server, client, method, path, allowed):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert error_of(answer)["message"] == f"the path {path} does not take {method}; it takes {allowed}"
    with pytest.raises(xlc.RequestError, match="does not take") as caught:
        server.request(method, path)
    assert (caught.value.status, str(caught.value)) == (405, error_of(answer)["message"])


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_methods_that_no_path_takes_find_none_over_http(server, client, method):
    assert error_of(client.request(method, "/v1/completions"))["code"] == 404
    with pytest.raises(xlc.RequestError, match="it takes POST") as caught:
        server.request(method, "/v1/completions")
    assert caught.value.status == 405


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{\n  "prompt": "a",\n}', "line 3, column 1"),
        (b'{"prompt": "a"} more', "line 1, column 17"),
        (b'{"prompt": "\xff"}', "line 1, column 13"),
        (b"prompt=a", "line 1, column 1"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/completion", "/v1/completions", "/v1/chat/completions", "/v1/responses", "/tokenize"]
)
def test_what_is_no_json_is_refused_with_the_place(client, path, body, where):
    error = error_of(client.post(path, content=body))
    assert (error["code"], error["type"]) == (400, "invalid_request_error")
    assert where in error["message"]


@pytest.mark.parametrize("body", ["[]", "5", "null", '"text"', "true"])
@pytest.mark.parametrize(
    "path", ["/completion", "/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/messages"]
)
def test_json_that_is_no_object_is_refused(client, path, body):
    assert error_of(client.post(path, content=body))["code"] == 400


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"prompt":[', b'{"messages":[{"content":['])
@pytest.mark.parametrize(
    "path",
    ["/completion", "/v1/chat/completions", "/v1/responses", "/v1/messages", "/tokenize", "/lora-adapters", "/props"],
)
def test_json_that_is_nested_too_deeply_is_refused_and_harms_nobody(client, path, opening):
    for body in (opening * 200_000, opening * 200_000 + b"1" + closing(opening) * 200_000):
        error = error_of(client.post(path, content=body))
        assert (error["code"], "nests its objects and lists deeper" in error["message"]) == (400, True)
    assert client.get("/health").status_code == 200


def closing(opening):
    pairs = {b"[": b"]", b"{": b"}"}
    return b"".join(pairs[bytes([octet])] for octet in reversed(opening) if bytes([octet]) in pairs)


def test_brackets_in_a_text_are_no_nesting(client):
    text = '[{"' * 200
    assert client.post(
        "/detokenize", json={"tokens": client.post("/tokenize", json={"content": text}).json()["tokens"]}
    )


def test_a_body_of_many_megabytes_is_read(client):
    body = json.dumps({"content": "a", "ignored": "x" * (20 * MIB)})
    assert client.post("/tokenize", content=body).json()["tokens"]


def test_a_body_of_more_than_100_mib_is_refused(client):
    answer = client.post("/tokenize", content=b" " * (101 * MIB))
    assert answer.status_code == 413
    assert client.get("/health").status_code == 200


def test_a_prompt_of_megabytes_is_an_error_about_the_context(client):
    answer = client.post("/v1/completions", json={"prompt": "a b " * MIB})
    assert error_of(answer)["type"] == "exceed_context_size_error"


def test_an_address_that_is_too_long_is_refused(client):
    assert client.get(f"/health?{'a' * 9_000}").status_code == 200
    # It hangs up while the rest is still coming; httpx does not even send so much.
    with socket.create_connection((client.base_url.host, client.base_url.port)) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"GET /health?" + b"a" * 100_000)
        with contextlib.suppress(ConnectionError):
            assert b"200 OK" not in peer.recv(100)
    assert client.get("/health").status_code == 200


def test_a_header_that_is_too_long_is_refused(client):
    assert client.get("/health", headers={"X-Long": "a" * 9000}).status_code == 400


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/props"])
def test_head_is_get_without_its_body(client, path):
    answer, whole = client.head(path), client.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == whole.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/health", "/v1/completions", "/no/such/path"])
def test_options_is_a_browsers_question_on_any_path(client, path):
    answer = client.options(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: minus one\r\n\r\n",
        b"POST /tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_http_is_refused_or_dropped_and_harms_nobody(server, client, sent):
    address = urlsplit(server.listening_address)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert not answer or b" 4" in answer.split(b"\r\n")[0] or b" 5" in answer.split(b"\r\n")[0]
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_json_is_read_whatever_it_is_called(client, kind):
    answer = client.post("/tokenize", content=b'{"content": "the inn"}', headers={"Content-Type": kind})
    assert answer.json()["tokens"]
