"""``xllamacpp serve`` with many models: what configures it, and how it and its processes end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import pytest
import requests
import trustme

import models
import xllamacpp as xlc
from routers import LARGE, PATIENCE_S, SMALL, RouterProcess, wait_until, wait_until_gone

KEY = "a key that only its owner knows"
ENDLESS = {"model": "demo", "prompt": "Once", "max_tokens": -1, "ignore_eos": True}


@pytest.fixture(scope="module")
def folder(demo_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "tiny.gguf").symlink_to(models.tiny(models.TINY))
    (folder / "other.gguf").symlink_to(models.tiny(models.TINY_OTHER_VOCABULARY))
    (folder / "demo.gguf").symlink_to(demo_model)
    return folder


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    """Keep what this machine has of the Hub off the lists."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def route(folder, tmp_path):
    """Start a router for the folder."""
    return lambda *arguments, **options: RouterProcess(
        tmp_path / "log", "--models-dir", folder, *(arguments or SMALL), **options
    )


def complete(router, model="tiny", **options):
    return router.ask("/v1/completions", {"model": model, "prompt": "the", "max_tokens": 1}, **options)


def port_of(process):
    words = process.cmdline()
    return int(words[words.index("--port") + 1])


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    def test_nothing_is_left_of_a_router_that_a_signal_ends(self, route, number):
        with route() as router:
            complete(router)
            complete(router, "demo")
            processes = router.models()
            ports = [int(router.address.rpartition(":")[2]), *map(port_of, processes)]
            assert len(processes) == 2
            assert all(map(is_open, ports))
            status = router.end(number)
            if number == signal.SIGKILL:
                # Nobody has told them: they notice, at once.
                wait_until_gone(processes)
            else:
                assert status == 0
                assert router.log.endswith("stopped\n")
            assert not any(process.is_running() for process in processes)
            assert not any(map(is_open, ports))
            assert "Traceback" not in router.log

    def test_ctrl_c_in_a_terminal_lets_a_stream_finish(self, open_terminal, folder):
        terminal = open_terminal("serve", "--port", "0", "--models-dir", folder, *LARGE, "--drain-seconds", "250")
        terminal.expect("listening on ")
        address = terminal.expect("\r\n")
        body = {**ENDLESS, "max_tokens": 100, "stream": True}
        with requests.post(f"{address}/v1/completions", json=body, stream=True, timeout=PATIENCE_S) as answer:
            chunks = answer.iter_lines()
            assert next(chunks).startswith(b"data: ")
            # It reaches the model's process as well.
            terminal.press("\x03")
            terminal.expect("finishing the requests under way")
            assert list(chunks)[-2] == b"data: [DONE]"
        terminal.expect("stopped")
        assert terminal.wait() == 0

    def test_what_takes_longer_than_the_drain_is_cut_off_and_nothing_is_left(self, route):
        with route(*LARGE, "--drain-seconds", ".3") as router:
            with router.stream("/v1/completions", ENDLESS) as chunks:
                next(chunks)
                (process,) = router.models()
                assert router.end() == 0
                with suppress(requests.exceptions.ChunkedEncodingError):
                    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
            assert not process.is_running()
            assert "the requests that are still under way are cut off\n" in router.log

    def test_it_ends_while_requests_wait_for_a_model(self, route):
        with route(*LARGE, "--models-max", "1", "--drain-seconds", "0") as router:
            with router.stream("/v1/completions", ENDLESS) as chunks:
                next(chunks)
                body = json.dumps({"model": "tiny", "prompt": "the"})
                target = f"{router.address}/v1/completions"
                waiting = subprocess.Popen(
                    ["curl", "-s", "-o", os.devnull, "-H", "X-Conversation-Id: waits", "-d", body, target]
                )
                wait_until(lambda: "request for name=tiny queued" in router.log)
                assert router.end() == 0
            waiting.wait(PATIENCE_S)
            assert router.models() == []

    def test_whoever_follows_the_states_does_not_hold_up_the_end(self, route):
        with route() as router, router.stream("/models/sse", {}) as events:
            assert router.end() == 0
            assert list(events) == []
            assert "cut off" not in router.log


class TestDeath:
    def test_a_model_whose_process_dies_ends_its_streams_and_comes_back(self, route):
        with route(*LARGE) as router:
            complete(router, "demo")
            (process,) = router.models()
            with router.stream("/v1/completions", ENDLESS) as chunks:
                next(chunks)
                process.kill()
                with suppress(requests.exceptions.ChunkedEncodingError):
                    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
            router.wait_for("demo", "unloaded")
            assert complete(router, "demo")["model"] == "demo"

    def test_somebody_else_may_end_a_models_process_and_it_finishes_first(self, route):
        with route(*LARGE, "--drain-seconds", "250") as router:
            body = {**ENDLESS, "max_tokens": 60}
            with router.stream("/v1/completions", body) as chunks:
                next(chunks)
                (process,) = router.models()
                process.terminate()
                assert list(chunks)[-1]["choices"][0]["finish_reason"] == "length"
            router.wait_for("demo", "unloaded")
            (model,) = (model for model in router.ask("/models")["data"] if model["id"] == "demo")
            assert "failed" not in model["status"]


class TestKeys:
    def test_a_key_guards_the_router_and_every_process_behind_it(self, route):
        authorized = {"headers": {"Authorization": f"Bearer {KEY}"}}
        with route(*SMALL, "--api-key", KEY) as router:
            body = {"model": "tiny", "prompt": "the", "max_tokens": 1}
            for path in ("/v1/completions", "/models/load"):
                assert router.send("POST", path, body).status_code == 401
            assert complete(router, **authorized)["model"] == "tiny"
            (process,) = router.models()
            inside = f"http://127.0.0.1:{port_of(process)}/v1/completions"
            assert requests.post(inside, json=body, timeout=PATIENCE_S).status_code == 401
            assert KEY not in router.send("GET", "/models", **authorized).text
            assert KEY not in " ".join(process.cmdline())

    def test_streams_of_a_guarded_model_can_be_found_and_ended(self, route):
        headers = {"Authorization": f"Bearer {KEY}", "X-Conversation-Id": "one"}
        with (
            route(*LARGE, "--api-key", KEY) as router,
            router.stream("/v1/completions", ENDLESS, headers=headers) as chunks,
        ):
            next(chunks)
            found = router.ask("/v1/streams/lookup", {"conversation_ids": ["one"]}, headers=headers)
            assert [stream["is_done"] for stream in found] == [False]
            assert router.send("DELETE", "/v1/stream?conv_id=one", headers=headers).status_code == 204
            list(chunks)

    def test_a_token_for_the_hub_is_not_shown_to_clients(self, route):
        with route(*SMALL, "--hf-token", "hf_secret") as router:
            complete(router)
            assert "hf_secret" not in router.send("GET", "/models").text

    def test_tls_ends_at_the_router(self, route, tmp_path):
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        files = {"LLAMA_ARG_SSL_KEY_FILE": str(tmp_path / "key.pem"), "LLAMA_ARG_SSL_CERT_FILE": f"{tmp_path}/cert.pem"}
        with route(environment=files) as router:
            assert router.address.startswith("https://")
            assert complete(router, verify=str(tmp_path / "authority.pem"))["model"] == "tiny"


class TestConfiguration:
    def test_every_source_reaches_the_models_and_presets_count_before_all_but_flags(self, folder, tmp_path):
        file, presets = tmp_path / "server.toml", tmp_path / "presets.ini"
        file.write_text(f'models_dir = "{folder}"\nn_ctx = 256\nn_parallel = 2\nmodel_alias = ["front"]\n')
        presets.write_text("[tiny]\nctx-size = 512\nparallel = 4\n")
        environment = {
            "XLLAMACPP_CONFIG": str(file),
            "XLLAMACPP_SET": '{"sampling.top_k": 7}',
            "LLAMA_ARG_MODELS_PRESET": str(presets),
            "LLAMA_ARG_TOP_P": "0.5",
            "MODEL": "demo",
        }
        flags = ("--parallel", "1", "--set", "sampling.min_p=0.25", "--no-warmup")
        with RouterProcess(tmp_path / "log", *flags, environment=environment) as router:
            props = router.ask("/props?model=tiny")
            assert (props["total_slots"], props["model_alias"]) == (1, "tiny")
            settings = props["default_generation_settings"]
            assert settings["n_ctx"] == 512
            names = ("top_k", "top_p", "min_p")
            assert [settings["params"][name] for name in names] == [7, pytest.approx(0.5), 0.25]
            assert router.ask("/props?model=other")["default_generation_settings"]["n_ctx"] == 256

    def test_presets_name_models_of_their_own_and_start_some_at_once(self, demo_model, tmp_path):
        presets = tmp_path / "presets.ini"
        presets.write_text(
            f"[*]\nctx-size = 512\nparallel = 1\n[first]\nmodel = {demo_model}\nload-on-startup = true\n"
            "[by-name]\nmodel = demo\n"
        )
        with RouterProcess(tmp_path / "log", "--models-preset", presets) as router:
            router.wait_for("first", "loaded")
            assert complete(router, "by-name")["model"] == "by-name"

    def test_the_list_is_read_again_on_request(self, folder, tmp_path):
        models_dir = tmp_path / "models"
        models_dir.mkdir()
        with RouterProcess(tmp_path / "log", "--models-dir", models_dir, *SMALL) as router:
            assert router.states() == {}
            (models_dir / "new.gguf").symlink_to(folder / "tiny.gguf")
            assert [model["id"] for model in router.ask("/models?reload=1")["data"]] == ["new"]
            assert complete(router, "new")["model"] == "new"

    def test_health_finds_it(self, route, run):
        with route() as router:
            done = run("health", "--port", router.address.rpartition(":")[2])
            assert (done.returncode, done.stderr) == (0, "")

    def test_its_log_has_the_lines_of_the_models_each_with_its_port(self, route, tmp_path):
        environment = {"LLAMA_ARG_LOG_FILE": str(tmp_path / "file"), "LLAMA_ARG_LOG_VERBOSITY": "4"}
        with route(environment=environment) as router:
            complete(router)
            (process,) = router.models()
            lines = [line for line in (tmp_path / "file").read_text().splitlines() if "load_model: " in line]
            assert lines
            assert all(f"[{port_of(process)}]" in line for line in lines)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--models-dir", "/no/such"], "'/no/such' does not exist or is not a directory"),
            (["--models-preset", "/no/such.ini"], "preset file does not exist: /no/such.ini"),
            (["--models-preset", "{presets}"], "option 'ctx-sise' not recognized in preset 'tiny'"),
        ],
    )
    def test_a_wrong_list_of_models_ends_it(self, run, tmp_path, arguments, words):
        presets = tmp_path / "presets.ini"
        presets.write_text("[tiny]\nctx-sise = 512\n")
        done = run("serve", "--port", "0", *(argument.format(presets=presets) for argument in arguments))
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_port_in_use_is_an_error(self, run, folder):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = run("serve", "--models-dir", folder, "--port", port)
        assert done.returncode == 4
        assert f"127.0.0.1:{port}" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_server_in_a_program_says_that_this_is_for_serve(self, folder):
        with pytest.raises(xlc.ParameterError, match="are for 'xllamacpp serve'"):
            xlc.Server(xlc.CommonParams(models_dir=str(folder)))


class TestHub:
    @pytest.fixture
    def repository(self, hub):
        from hub_server import Repository

        hub.repositories["org/repo"] = Repository({"model-Q8_0.gguf": models.tiny(models.TINY).read_bytes()})
        return "org/repo:Q8_0"

    def test_models_that_were_pulled_are_served_from_the_cache(self, run, repository, tmp_path):
        assert run("pull", repository).returncode == 0
        with RouterProcess(tmp_path / "log", "--models-max", "1", "--offline", *SMALL) as router:
            assert router.states() == {repository: "unloaded"}
            assert complete(router, repository)["model"] == repository

    def test_a_model_is_fetched_and_removed_by_request(self, repository, tmp_path):
        with RouterProcess(tmp_path / "log", "--models-max", "1", *SMALL) as router:
            with router.stream("/models/sse", {}) as events:
                assert router.ask("/models", {"model": repository}) == {"success": True}
                seen = {event["event"]: event.get("data") for event in until(events, "download_finished")}
            (progress,) = seen["download_progress"]["progress"].values()
            assert progress["done"] == progress["total"] > 0
            router.wait_for(repository, "unloaded")
            assert complete(router, repository)["model"] == repository
            assert router.send("DELETE", f"/models?model={repository}").json() == {"success": True}
            assert router.states() == {}

    def test_a_model_that_the_hub_does_not_have_is_told(self, hub, tmp_path):
        with RouterProcess(tmp_path / "log", "--models-max", "1", *SMALL) as router:
            with router.stream("/models/sse", {}) as events:
                router.ask("/models", {"model": "org/missing"})
                assert list(until(events, "download_failed"))
            wait_until(lambda: re.search(r"\[ *\d+\]  Error: .*org/missing", router.log))
            assert router.states() == {}

    def test_offline_what_a_request_names_is_fetched_all_the_same(self, repository, tmp_path):
        # As by llama-server: --offline is about what a load would fetch.
        with RouterProcess(tmp_path / "log", "--models-max", "1", "--offline", *SMALL) as router:
            with router.stream("/models/sse", {}) as events:
                router.ask("/models", {"model": repository})
                assert list(until(events, "download_finished"))
            assert complete(router, repository)["model"] == repository

    def test_in_the_hubs_own_offline_mode_nothing_is_fetched(self, repository, hub, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with RouterProcess(tmp_path / "log", "--models-max", "1", *SMALL) as router:
            with router.stream("/models/sse", {}) as events:
                router.ask("/models", {"model": repository})
                assert list(until(events, "download_failed"))
            wait_until(lambda: "offline mode (HF_HUB_OFFLINE" in router.log)
            assert router.states() == {}
        assert not hub.requests

    def test_a_repository_with_presets_is_a_list_of_models(self, repository, hub, tmp_path):
        from hub_server import Repository

        presets = f"[tale]\nhf-repo = {repository}\nn-predict = 3\n"
        hub.repositories["org/presets"] = Repository({"preset.ini": presets.encode()})
        with RouterProcess(tmp_path / "log", "--hf-repo", "org/presets", *SMALL) as router:
            assert router.states()["tale"] == "unloaded"
            answer = router.ask("/v1/completions", {"model": "tale", "prompt": "the"})
            assert answer["usage"]["completion_tokens"] == 3
            assert "models, and their settings, as org/presets has them" in router.log


def until(events, last):
    for event in events:
        yield event
        if event["event"] == last:
            return


def test_a_models_process_ends_with_its_input(folder):
    # The way in which it learns that its router was killed, while it loads too.
    process = subprocess.Popen(
        [sys.executable, "-m", "xllamacpp.cli.model_process", "--port", "0", "--model", folder / "demo.gguf"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        assert any(b"cmd_child_to_router:state:" in line for line in process.stdout)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 1
