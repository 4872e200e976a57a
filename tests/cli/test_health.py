"""``xllamacpp health``, against real servers and against what only a broken one would do."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import trustme

import xllamacpp as xlc
from xllamacpp.cli.health import Door, find_flags

needs_openssl = pytest.mark.skipif(xlc.BUILD_INFO["openssl"] is None, reason="this build has no OpenSSL")


def port_of(address):
    return address.rpartition(":")[2]


def assert_healthy(done):
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("healthy: ")
    assert done.stdout.count("\n") == 1


def assert_unhealthy(done, words):
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("unhealthy: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@contextmanager
def answering(data, *, wrap=lambda connection: connection):
    """Answer every request with `data`, and give the port."""

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    with wrap(connection) as wrapped:
                        if wrapped.recv(10000):
                            wrapped.sendall(data)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_server_is_healthy_until_it_drains(run, demo_model, params):
    with xlc.Server(params(demo_model, n_parallel=1)) as server:
        flags = ["--port", port_of(server.listening_address)]
        assert_healthy(run("health", *flags))
        server.drain()
        assert_unhealthy(run("health", *flags), "/health answers 503: the server is draining")
    assert_unhealthy(run("health", *flags), "nothing listens on http://127.0.0.1:")


def test_it_reads_what_serve_reads(run, demo_model, params, tmp_path):
    everywhere = {"hostnames": ["0.0.0.0"], "api_prefix": "/llm", "api_keys": ["secret"]}
    with xlc.Server(params(demo_model, n_parallel=1, **everywhere)) as server:
        port = port_of(server.listening_address)
        file = tmp_path / "server.toml"
        file.write_text(f'hostnames = ["0.0.0.0"]\napi_prefix = "/llm"\napi_keys = ["secret"]\nport = {port}\n')
        assert_healthy(run("health", "--config", file))
        assert_healthy(run("health", "--n-gpu-layers", "99", environment={"XLLAMACPP_CONFIG": str(file)}))
        environment = {"LLAMA_ARG_HOST": "0.0.0.0", "LLAMA_ARG_PORT": port, "LLAMA_ARG_API_PREFIX": "/llm"}
        done = run("health", "--api-key", "secret", environment=environment)
        assert done.stdout == f"healthy: http://127.0.0.1:{port}/llm/health\n"
        assert_unhealthy(run("health", "--port", port), "answers 404: File Not Found")


@needs_openssl
def test_https_is_asked_whatever_name_the_certificate_has(run, demo_model, params, tmp_path):
    certificate = trustme.CA().issue_cert("llm.example.org")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    files = {"ssl_file_key": str(tmp_path / "key.pem"), "ssl_file_cert": str(tmp_path / "cert.pem")}
    with xlc.Server(params(demo_model, n_parallel=1, api_keys=["secret"], **files)) as server:
        port = port_of(server.listening_address)
        flags = ["--ssl-key-file", files["ssl_file_key"], "--ssl-cert-file", files["ssl_file_cert"]]
        assert_healthy(run("health", *flags, "--port", port))
        assert_unhealthy(run("health", "--port", port), "if it speaks HTTPS, --ssl-key-file and --ssl-cert-file")
    with xlc.Server(params(demo_model, n_parallel=1)) as server:
        flags += ["--answer-within", "1", "--port", port_of(server.listening_address)]
        assert_unhealthy(run("health", *flags), "gave no answer within 1 s; it may speak HTTP without TLS")


def test_a_unix_socket_is_asked(run, demo_model, params, tmp_path):
    path = tmp_path / "server.sock"
    assert_unhealthy(run("health", "--host", path), f"nothing listens on unix:{path}")
    with xlc.Server(params(demo_model, n_parallel=1, hostnames=[str(path)], port=0)) as server:
        assert server.listening_address == f"unix://{path}"
        assert_healthy(run("health", "--host", path, "--port", "0"))


def test_a_load_is_said(run):
    # What llama.cpp's listener answers meanwhile.
    body = b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'
    head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    with answering(head + body) as port:
        assert_unhealthy(run("health", "--port", str(port)), "answers 503: Loading model")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 12\r\n\r\n<p>Broken\n\n\n", "answers 500: <p>Broken"),
        (b"HTTP/1.1 404 Oh\r\nContent-Length: 0\r\n\r\n", "answers 404: nothing"),
        (b"SSH-2.0-OpenSSH\r\n", "cannot be asked: SSH-2.0-OpenSSH"),
        (b"", "cannot be asked: Remote end closed connection without response"),
    ],
)
def test_what_is_no_server_of_ours_is_unhealthy(data, words):
    with answering(data) as port:
        assert words in Door("127.0.0.1", port, False, "/health", "").knock(60)


def test_what_answers_without_tls_is_unhealthy_where_tls_is_wanted():
    with answering(b"HTTP/1.1 400 Oh\r\n\r\n") as port:
        assert "does not speak HTTPS: WRONG_VERSION_NUMBER" in Door("127.0.0.1", port, True, "/health", "").knock(60)


@needs_openssl
def test_a_server_that_is_gone_in_the_middle_of_https_is_unhealthy():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("x").configure_cert(context)
    with answering(b"", wrap=lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        assert "cannot be asked" in Door("127.0.0.1", port, True, "/health", "").knock(60)


def test_no_answer_in_time_is_unhealthy(run):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done = run("health", "--port", str(port), "--answer-within", "0.2")
    assert_unhealthy(done, f"http://127.0.0.1:{port}/health gave no answer within 0.2 s")


def test_it_waits_for_a_server_that_is_still_coming(start, demo_model):
    port = str(free_port())
    waiting = start("health", "--port", port, "--wait", "300")
    serving = start("serve", "--model", demo_model, "--port", port, "--ctx-size", "256", "--parallel", "1")
    output, errors = waiting.communicate(timeout=300)
    assert (waiting.returncode, output, errors) == (0, f"healthy: http://127.0.0.1:{port}/health\n", "")
    serving.terminate()
    assert serving.wait(60) == 0


def test_a_wait_has_an_end(run):
    assert_unhealthy(run("health", "--port", str(free_port()), "--wait", "0.3"), "nothing listens on")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "0"], "the port is 0, for which the server takes a free one"),
        (["--port", "many"], "--port many: expected a number"),
        (["--wait", "long", "--port", "1"], "--wait long: expected seconds"),
        (["--answer-within"], "--answer-within: a value is missing"),
        (["--config", "/no/such.toml"], "/no/such.toml: cannot be read"),
        (["--no-such-flag"], "llama.cpp's server has no such flag"),
    ],
)
def test_a_wrong_configuration_is_unhealthy_in_one_line(run, arguments, words):
    assert_unhealthy(run("health", *arguments), words)


def test_help_says_what_it_is_for(run):
    done = run("health", "--help")
    assert done.returncode == 0
    for words in ("--wait SECONDS", "--answer-within SECONDS", "Exit status 0"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080/health"),
        ("::", "http://[::1]:8080/health"),
        ("192.0.2.1", "http://192.0.2.1:8080/health"),
        ("server.sock", "unix:server.sock"),
    ],
)
def test_where_it_asks(host, shown):
    assert str(Door.of(xlc.CommonParams(hostnames=[host, "other"], port=8080))) == shown


def test_a_key_goes_only_where_one_is_needed():
    assert Door.of(xlc.CommonParams(port=1, api_keys=["secret"])).key == ""
    assert Door.of(xlc.CommonParams(port=1, api_keys=["secret"], api_prefix="/llm")).key == "secret"


CONTAINER = {
    1: ["/usr/bin/tini", "--", "/usr/local/bin/entrypoint", "--port", "1"],
    7: ["/opt/bin/python", "/opt/bin/xllamacpp", "--debug", "serve", "--port", "9000", "--set", "api_prefix=/llm"],
    30: ["/opt/bin/python", "/opt/bin/xllamacpp", "health"],
}


def processes(folder, commands):
    for number, words in commands.items():
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    # The kernel's own have no command line, and one may be gone.
    (folder / "2").mkdir()
    (folder / "2" / "cmdline").write_bytes(b"")
    (folder / "3").mkdir()
    return folder


def test_without_flags_it_takes_those_of_the_server_in_its_container(tmp_path):
    assert find_flags(processes(tmp_path, CONTAINER)) == ["--port", "9000", "--set", "api_prefix=/llm"]


def test_of_several_servers_it_takes_none(tmp_path):
    assert (
        find_flags(processes(tmp_path, {**CONTAINER, 8: ["python", "-m", "xllamacpp", "serve", "--port", "1"]})) == []
    )


@pytest.mark.parametrize("words", [["serve", "xllamacpp"], ["xllamacpp", "pull", "demo"], ["vi", "serve", "x"]])
def test_other_programs_have_no_flags_for_it(tmp_path, words):
    assert find_flags(processes(tmp_path, {1: words})) == []


def test_where_processes_are_not_shown_there_are_no_flags(tmp_path):
    assert find_flags(tmp_path / "missing") == []
