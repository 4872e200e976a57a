"""What a browser's page from elsewhere may do."""

from __future__ import annotations

import httpx
import pytest

import models
import xllamacpp as xlc

HERE = "http://localhost:3000"
ELSEWHERE = "https://example.org"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture
def client(params):
    """Serve with some settings, to a client that has them under its feet for one test."""
    servers = []

    def serve(**settings):
        servers.append(xlc.Server(params(models.tiny(models.TINY), n_ctx=256, n_parallel=1, **settings)))
        return httpx.Client(base_url=servers[-1].listening_address)

    yield serve
    for server in servers:
        server.close()


def allowed(client, origin):
    """Ask as a page from `origin` does; return the origin whose pages may read the answer."""
    with client:
        asked = client.get("/health", headers={"Origin": origin})
        before = client.options("/v1/completions", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == before.status_code == 200
    assert asked.headers.get(ALLOWED) == before.headers.get(ALLOWED)
    return asked.headers.get(ALLOWED)


def test_every_page_may_ask_and_send_credentials_unless_it_is_said_otherwise(client):
    # A browser takes no "*" where credentials are sent.
    assert allowed(client(), ELSEWHERE) == ELSEWHERE


def test_every_page_may_ask_without_credentials(client):
    assert allowed(client(cors_credentials=False), ELSEWHERE) == "*"


def test_one_origin(client):
    # The header names it to everybody; the browser compares.
    assert allowed(client(cors_origins=ELSEWHERE), HERE) == ELSEWHERE


def test_several_origins_are_sent_as_a_list_which_the_guide_warns_of(client):
    several = f"{HERE},{ELSEWHERE}"
    assert allowed(client(cors_origins=several), HERE) == several


@pytest.mark.parametrize("origin", [HERE, "http://127.0.0.1", "https://[::1]:8443"])
def test_localhost_stands_for_pages_of_this_machine(client, origin):
    assert allowed(client(cors_origins="localhost"), origin) == origin


@pytest.mark.parametrize("origin", [ELSEWHERE, "http://localhost.example.org", "http://127.0.0.1.example.org", "null"])
def test_localhost_leaves_other_pages_out(client, origin):
    assert allowed(client(cors_origins="localhost"), origin) is None


def test_a_preflight_says_what_may_be_sent(client):
    wanted = {"cors_methods": "GET, POST", "cors_headers": "Content-Type, Authorization", "cors_credentials": True}
    with client(**wanted) as asking:
        answer = asking.options("/v1/completions", headers={"Origin": ELSEWHERE})
    assert answer.content == b""
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


def test_without_credentials_a_preflight_says_so(client):
    with client(cors_credentials=False) as asking:
        answer = asking.options("/v1/completions", headers={"Origin": ELSEWHERE})
    assert answer.headers["Access-Control-Allow-Credentials"] == "false"
