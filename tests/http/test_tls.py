"""HTTPS and API keys on listening_address, with real clients."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys

import httpx
import pytest
import trustme
from openai import AuthenticationError, OpenAI

import models
import xllamacpp as xlc
from stub_libraries import make_library, run_python

MESSAGES = [{"role": "user", "content": "Say hello."}]
KEY = "a key that only its owner knows"

pytestmark = pytest.mark.skipif(xlc.BUILD_INFO["openssl"] is None, reason="this build has no OpenSSL, hence no HTTPS")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def server(authority, demo_model, params, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    files = {"ssl_file_key": str(folder / "key.pem"), "ssl_file_cert": str(folder / "cert.pem")}
    with xlc.Server(params(demo_model, n_parallel=1, api_keys=[KEY], **files)) as server:
        yield server


@pytest.fixture(scope="module")
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with httpx.Client(verify=context) as client:
        yield client


@pytest.fixture(scope="module")
def no_openssl(tmp_path_factory):
    """Give a folder where the linker finds a library of OpenSSL's name that holds nothing of it."""
    return make_library(tmp_path_factory.mktemp("no_openssl") / "libssl.so.3", 1).parent


def client(server, trusting, key):
    return OpenAI(base_url=server.listening_address + "/v1", api_key=key, http_client=trusting, max_retries=0)


def test_the_address_says_https(server):
    assert server.listening_address.startswith("https://127.0.0.1:")


def test_openai_talks_over_tls_with_the_key(server, trusting):
    answer = client(server, trusting, KEY).chat.completions.create(model="any", messages=MESSAGES, max_tokens=4)
    assert answer.choices[0].finish_reason in ("stop", "length")


def test_another_key_is_refused(server, trusting):
    with pytest.raises(AuthenticationError):
        client(server, trusting, "a guess").chat.completions.create(model="any", messages=MESSAGES)


def test_a_client_that_does_not_know_the_authority_refuses_the_server(server):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(server.listening_address + "/health")


def test_plain_http_gets_no_answer_and_does_no_harm(server, trusting):
    with pytest.raises(httpx.TransportError):
        httpx.get(server.listening_address.replace("https", "http") + "/health")
    assert trusting.get(server.listening_address + "/health").json() == {"status": "ok"}


def test_curl(server, authority, tmp_path):
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert", trusted, server.listening_address + "/health"]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == '{"status":"ok"}'


def test_requests_from_this_process_need_no_key(server):
    assert server.request("GET", "/props")["total_slots"] == 1


@pytest.mark.parametrize(
    ("key", "certificate", "error", "words"),
    [
        (__file__, "", xlc.ParameterError, "belong together"),
        ("", __file__, xlc.ParameterError, "belong together"),
        ("/no/such.pem", __file__, xlc.ParameterError, r"ssl_file_key: '/no/such\.pem' cannot be read"),
        (__file__, "/no/such.pem", xlc.ParameterError, r"ssl_file_cert: '/no/such\.pem' cannot be read"),
        (__file__, __file__, xlc.ModelLoadError, "must be a pair in PEM format"),
    ],
)
def test_a_wrong_key_or_certificate_is_an_error_and_not_plain_http(demo_model, params, key, certificate, error, words):
    with pytest.raises(error, match=words):
        xlc.Server(params(demo_model, ssl_file_key=key, ssl_file_cert=certificate))


class TestWithoutOpenSSL:
    @pytest.fixture
    def run(self, no_openssl):
        def run(*words):
            command = [sys.executable, "-P", "-m", "xllamacpp", *words]
            environment = {**os.environ, "LD_LIBRARY_PATH": str(no_openssl)}
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

        return run

    def test_a_model_answers(self, run, demo_model):
        done = run("complete", "--model", str(demo_model), "-n", "4", "Once")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()

    def test_the_server_says_what_https_takes(self, run, demo_model, authority, tmp_path):
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        files = ["--ssl-key-file", str(tmp_path / "key.pem"), "--ssl-cert-file", str(tmp_path / "cert.pem")]
        done = run("serve", "--model", str(demo_model), "--port", "0", *files)
        assert done.returncode == 3
        assert "ssl_file_key and ssl_file_cert: libssl.so.3 is missing" in done.stderr
        assert "install OpenSSL 3 (Debian, Ubuntu: libssl3" in done.stderr

    def test_an_image_from_the_web_is_refused(self, no_openssl):
        model, mmproj = (str(models.tiny(model)) for model in (models.TINY_WITNESS, models.TINY_VISION))
        code = f"""
import xllamacpp as xlc
with xlc.Server(xlc.CommonParams(model={{"path": {model!r}}}, mmproj={{"path": {mmproj!r}}}, n_ctx=512)) as server:
    image = {{"type": "image_url", "image_url": {{"url": "https://127.0.0.1/red.png"}}}}
    try:
        server.request("POST", "/v1/chat/completions", {{"messages": [{{"role": "user", "content": [image]}}]}})
    except xlc.RequestError as error:
        print(error.status, error)
"""
        said = run_python(code, LD_LIBRARY_PATH=str(no_openssl), XLLAMACPP_MEDIA_HOSTS="127.0.0.1")
        assert said.startswith("400 ")
        assert "'https://127.0.0.1/red.png': cannot be fetched: libssl.so.3 is missing" in said

    def test_doctor_and_info_say_it(self, run):
        done = run("doctor", "--json")
        (seen,) = [seen for seen in json.loads(done.stdout)["sections"]["build"] if seen["name"] == "HTTPS"]
        assert seen["mark"] == "warning"
        assert seen["text"] == "libssl.so.3 is missing, which HTTPS takes"
        assert "libssl3" in seen["remedy"]
        assert "libssl.so.3 is missing" in run("info").stdout
