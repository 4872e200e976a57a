"""``xllamacpp serve``, on the demo model."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

import xllamacpp as xlc
from xllamacpp._native import _core
from xllamacpp.cli import serve
from xllamacpp.cli.logs import LogOptions

SIGNALS = [signal.SIGTERM, signal.SIGINT]
SMALL = ["--ctx-size", "512", "--parallel", "1"]
# Room for a stream that does not end while a test runs.
LARGE = ["--ctx-size", "32768", "--parallel", "1"]


def request(address, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data), timeout=300) as answer:
        return json.load(answer)


def wait_until_listening(process):
    line = process.stdout.readline()
    assert line.startswith("listening on http://"), process.stderr.read()
    return line.split()[-1]


def wait_until_loading(process):
    lines = []
    while not lines or "loading model" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], lines


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    return process.returncode, output, errors


@pytest.mark.parametrize("number", SIGNALS)
def test_it_answers_until_a_signal_ends_it(start, demo_model, number):
    process = start("serve", "--model", demo_model, "--port", "0", "--alias", "small", *SMALL)
    address = wait_until_listening(process)
    assert request(address, "/health") == {"status": "ok"}
    assert request(address, "/v1/models")["data"][0]["id"] == "small"
    answer = request(address, "/v1/completions", {"prompt": "Once", "max_tokens": 4, "temperature": 0})
    assert answer["usage"]["completion_tokens"] == 4
    process.send_signal(number)
    status, output, errors = finish(process)
    assert (status, output) == (0, "")
    assert errors.endswith("stopped\n")
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.socket() as client:
        assert client.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("spelling", [lambda file: ["--config", file], lambda file: [f"--config={file}"]])
def test_a_configuration_file_counts_and_flags_come_after_it(start, demo_model, tmp_path, spelling):
    file = tmp_path / "server.toml"
    file.write_text('model.path = "demo"\nmodel_alias = ["from the file"]\nn_ctx = 512\nn_parallel = 3\nport = 0\n')
    process = start("serve", *spelling(file), "--parallel", "2", "--set", "api_prefix=/llm")
    address = wait_until_listening(process)
    props = request(address, "/llm/props")
    assert props["total_slots"] == 2
    assert props["model_path"] == str(demo_model)
    assert request(address, "/llm/v1/models")["data"][0]["id"] == "from the file"
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config"], "--config: a value is missing"),
        (["--config", "/no/such.toml"], "/no/such.toml: cannot be read"),
        (["--config", __file__], "a configuration file ends in .toml"),
        (["--set", "n_ctxx=1"], "n_ctxx: common_params has no such field; did you mean 'n_ctx'"),
        (["--model", "demo", "--ctx-size", "1"], "n_ctx=1: a context of one token has no room"),
        (["--model", "demo", "--mmproj", "/no/such.gguf"], "mmproj.path: '/no/such.gguf' cannot be read"),
    ],
)
def test_a_wrong_configuration_is_said_and_ends_it(run, arguments, message):
    done = run("serve", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_says_how_to_configure(run):
    text = run("serve", "--help").stdout
    for words in (
        "--config FILE",
        "--set PATH=VALUE",
        "--drain-seconds SECONDS",
        "  MODEL  ",
        "XLLAMACPP_CONFIG",
        "--ctx-size",
        "docs/parameters.md",
    ):
        assert words in text


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_while_it_loads(start, demo_model, number):
    process = start("serve", "--model", demo_model, "--port", "0")
    wait_until_loading(process)
    process.send_signal(number)
    status, output, _ = finish(process)
    assert (status, output) == (0, "")


def test_a_second_signal_is_clean_too(start, demo_model):
    process = start("serve", "--model", demo_model, "--port", "0")
    wait_until_loading(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 0


@contextmanager
def stream(address, max_tokens):
    body = {"prompt": "Once", "max_tokens": max_tokens, "ignore_eos": True, "stream": True}
    with urllib.request.urlopen(f"{address}/v1/completions", json.dumps(body).encode(), timeout=300) as chunks:
        assert chunks.readline().startswith(b"data: ")
        yield chunks


def wait_until_draining(process):
    for line in process.stderr:
        if line.startswith("finishing the requests under way"):
            return line
    raise AssertionError("the log ended")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_lets_a_stream_finish_and_new_requests_are_refused(start, demo_model, number):
    process = start("serve", "--model", demo_model, "--port", "0", *SMALL, "--drain-seconds", "250")
    address = wait_until_listening(process)
    with stream(address, 200) as chunks:
        process.send_signal(number)
        assert wait_until_draining(process) == "finishing the requests under way, 250 s at most\n"
        for path, body in [("/health", None), ("/v1/completions", {"prompt": "Once"})]:
            with pytest.raises(urllib.error.HTTPError) as refused:
                request(address, path, body)
            with refused.value as answer:
                assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
                assert json.load(answer)["error"]["message"].startswith("the server is draining")
        assert chunks.read().endswith(b"data: [DONE]\n\n")
    status, _, errors = finish(process)
    assert status == 0
    assert errors.endswith("stopped\n")
    assert "cut off" not in errors


def test_a_stream_that_takes_longer_than_the_drain_is_cut_off(start, demo_model):
    process = start(
        "serve", "--model", demo_model, "--port", "0", *LARGE, environment={"XLLAMACPP_DRAIN_SECONDS": ".3"}
    )
    with stream(wait_until_listening(process), -1) as chunks:
        process.send_signal(signal.SIGTERM)
        status, _, errors = finish(process)
        assert b"[DONE]" not in chunks.read()
    assert status == 0
    assert "the requests that are still under way are cut off\n" in errors
    assert errors.endswith("stopped\n")


def test_without_a_drain_a_signal_ends_a_stream_that_runs(start, demo_model):
    process = start("serve", "--model", demo_model, "--port", "0", *LARGE, "--drain-seconds", "0")
    with stream(wait_until_listening(process), -1) as chunks:
        process.send_signal(signal.SIGTERM)
        status, _, errors = finish(process)
        assert b"[DONE]" not in chunks.read()
    assert status == 0
    assert "finishing" not in errors


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_a_drain(start, demo_model, number):
    process = start("serve", "--model", demo_model, "--port", "0", *LARGE, "--drain-seconds", "250")
    with stream(wait_until_listening(process), -1):
        process.send_signal(number)
        wait_until_draining(process)
        process.send_signal(number)
        status, _, errors = finish(process)
    assert status == 0
    assert "stopped" not in errors, "it did not wait for an orderly end"


def test_the_model_may_come_from_the_variable_model(start, demo_model):
    process = start("serve", "--port", "0", *SMALL, environment={"MODEL": "demo"})
    assert request(wait_until_listening(process), "/props")["model_path"] == str(demo_model)
    process.terminate()
    assert finish(process)[0] == 0


def test_a_configuration_file_may_come_from_a_variable(start, demo_model, tmp_path):
    file = tmp_path / "server.toml"
    file.write_text('model.path = "demo"\nmodel_alias = ["from the file"]\nn_ctx = 512\nport = 0\n')
    process = start("serve", environment={"XLLAMACPP_CONFIG": str(file)})
    assert request(wait_until_listening(process), "/v1/models")["data"][0]["id"] == "from the file"
    process.terminate()
    assert finish(process)[0] == 0


def test_environment_variables_are_llama_cpps_and_the_model_may_be_a_name(start, demo_model):
    environment = {"LLAMA_ARG_MODEL": "demo", "LLAMA_ARG_PORT": "0", "LLAMA_ARG_CTX_SIZE": "512"}
    process = start("serve", environment={**environment, "LLAMA_ARG_N_PARALLEL": "1"})
    address = wait_until_listening(process)
    properties = request(address, "/props")
    assert properties["model_path"] == str(demo_model)
    assert properties["default_generation_settings"]["n_ctx"] == 512
    process.terminate()
    assert finish(process)[0] == 0


def test_the_log_goes_where_llama_cpps_flags_say(start, demo_model, tmp_path):
    file = tmp_path / "server.log"
    process = start(
        *("serve", "-m", demo_model, "--port", "0", *SMALL, "--log-file", file, "--log-jsonl", "--verbosity", "4")
    )
    assert json.loads(process.stdout.readline())["type"] == "log"
    for line in process.stderr:
        if line.startswith("listening on"):
            break
    process.terminate()
    status, output, _ = finish(process)
    assert status == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert any("load_model" in line["msg"] for line in lines)
    assert {line["level"] for line in lines} >= {"info"}
    assert all(json.loads(line) for line in output.splitlines())


def test_a_port_in_use_is_an_error(run, demo_model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("serve", "-m", demo_model, "--port", port)
    assert result.returncode == 3
    assert f"127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_default_port_is_llama_cpps(run, demo_model):
    # Somebody else may have it already; then it is in use all the same.
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass
        result = run("serve", "-m", demo_model)
    assert result.returncode == 3
    assert "127.0.0.1:8080" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "give one with --model"),
        ([], 2, "docker run -e MODEL=demo"),
        (["--drain-seconds", "soon"], 2, "--drain-seconds soon: expected seconds, 0 or more"),
        (["--ctx-sise", "80"], 2, "--ctx-sise: llama.cpp's server has no such flag; did you mean --ctx-size?"),
        (["--ctx-size"], 2, "a value is missing"),
        (["--ctx-size", "many"], 2, "expected a number"),
        (["--model", "dmeo"], 3, "did you mean 'demo'?"),
        (["--model", "missing.gguf"], 3, "there is no file"),
        (["--model", "demo", "--log-file", "missing/folder/log"], 2, "--log-file missing/folder/log: No such file"),
    ],
)
def test_wrong_use_is_explained(run, arguments, status, words):
    result = run("serve", *arguments)
    assert result.returncode == status
    assert result.stdout == ""
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_server_that_ends_by_itself_is_an_error():
    # A stand-in: nothing that can be asked of a real one makes llama.cpp's loop end.
    states = iter([_core.READY, _core.FAILED])

    class Native:
        error = "the loop threw"

        @property
        def state(self):
            return next(states)

    with pytest.raises(xlc.ServerError, match="ended by itself: the loop threw"):
        serve.wait_for_failure(SimpleNamespace(_native=Native()))


def test_help_has_every_flag_of_llama_cpps_server(run):
    output = run("serve", "--help").stdout
    for flag in ("--ctx-size", "--temp", "--model-draft", "--api-key", "--log-file"):
        assert flag in output


def test_version_and_devices(run):
    assert run("serve", "--version").stdout == run("--version").stdout
    assert xlc.get_device_info()[0]["description"] in run("serve", "--list-devices").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, LogOptions()),
        (["--log-file", "a", "--log-disable"], {}, LogOptions(file="a", is_disabled=True)),
        (["--log_file", "a"], {"LLAMA_ARG_LOG_FILE": "b"}, LogOptions(file="a")),
        ([], {"LLAMA_ARG_LOG_FILE": "b", "LLAMA_ARG_LOG_PREFIX": "off"}, LogOptions(file="b", has_prefix=False)),
        (["--log-prefix"], {"LLAMA_ARG_NO_LOG_PREFIX": "1"}, LogOptions()),
        (["--no-log-timestamps", "--log-jsonl"], {}, LogOptions(has_timestamps=False, is_jsonl=True)),
        (["--log-colors", "on"], {}, LogOptions(has_colors=True)),
        (["--log-colors", "auto"], {"LLAMA_ARG_LOG_COLORS": "0"}, LogOptions()),
        (["--log-verbosity", "4", "--log-prompts-dir", "p"], {}, LogOptions()),
    ],
)
def test_flags_on_the_log(arguments, environment, expected):
    assert LogOptions.parse(arguments, environment) == expected
