"""A model that leaves memory while nobody asks anything, and comes back with the next request."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

import models
import xllamacpp as xlc
from doors import Door, MakeParams, OpenDoor

_PATIENCE_S = 300
_BODY = {"prompt": "Once upon a time", "max_tokens": 8, "temperature": 0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, demo_model: Path) -> Path:
    """Give the demo model another name, which can be taken away."""
    file = tmp_path_factory.mktemp("sleep") / demo_model.name
    file.symlink_to(demo_model)
    return file


@pytest.fixture(scope="module")
def sleepy(model: Path, params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a model that sleeps after a second without requests."""
    with xlc.Server(params(model, sleep_idle_seconds=1, endpoint_metrics=True, endpoint_slots=True)) as server:
        yield server


def is_asleep(server: xlc.Server) -> bool:
    return bool(server.request("GET", "/props")["is_sleeping"])


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def fall_asleep(server: xlc.Server) -> None:
    until(lambda: is_asleep(server))


def text_of(answer: Any) -> str:
    return str(answer["choices"][0]["text"])


@pytest.mark.capability("Sleep", "the first request wakes the model")
def test_a_request_wakes_the_model_and_is_answered_as_before(sleepy: xlc.Server, door: OpenDoor) -> None:
    opened = door(sleepy)
    before = text_of(opened.ask("/v1/completions", _BODY))
    fall_asleep(sleepy)
    assert text_of(opened.ask("/v1/completions", _BODY)) == before
    assert not is_asleep(sleepy)
    fall_asleep(sleepy)
    assert "".join(map(text_of, opened.stream("/v1/completions", _BODY))) == before


@pytest.mark.capability("Sleep", "answers about the server leave it asleep")
def test_what_is_known_is_answered_without_waking(sleepy: xlc.Server, door: OpenDoor) -> None:
    opened = door(sleepy)
    opened.ask("/v1/completions", _BODY)
    props, listed = opened.ask("/props"), opened.ask("/v1/models")
    assert props["is_sleeping"] is False
    fall_asleep(sleepy)
    assert opened.ask("/health") == opened.ask("/v1/health") == {"status": "ok"}
    assert opened.ask("/props") == {**props, "is_sleeping": True}
    for path in ("/models", "/v1/models"):
        asleep = opened.ask(path)
        for entry in (*asleep["data"], *listed["data"]):
            del entry["created"]
        assert asleep == listed
        listed = opened.ask("/v1/models")
    assert "llamacpp:tokens_predicted_total" in opened.ask("/metrics")
    assert is_asleep(sleepy)


@pytest.mark.capability("Sleep", "memory is free while it sleeps")
def test_memory_is_freed(sleepy: xlc.Server, door: OpenDoor, demo_model: Path) -> None:
    door(sleepy).ask("/v1/completions", _BODY)
    awake = _resident()
    # Of what belongs to the model alone: its weights. The context's memory comes on top.
    until(lambda: awake - _resident() > 0.9 * demo_model.stat().st_size)
    assert is_asleep(sleepy)


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.capability("Sleep", "metrics go on counting")
def test_metrics_go_on_where_they_were(sleepy: xlc.Server, door: OpenDoor) -> None:
    opened = door(sleepy)
    opened.ask("/v1/completions", _BODY)
    before = _predicted(opened)
    fall_asleep(sleepy)
    assert _predicted(opened) == before
    opened.ask("/v1/completions", _BODY)
    assert _predicted(opened) == before + 8


def _predicted(opened: Door) -> float:
    found = re.search(r"^llamacpp:tokens_predicted_total (\S+)$", opened.ask("/metrics"), re.MULTILINE)
    assert found
    return float(found[1])


@pytest.mark.capability("Sleep", "scales of LoRA adapters are kept")
def test_the_scale_of_an_adapter_outlives_a_sleep(door: OpenDoor, params: MakeParams) -> None:
    made = params(models.tiny(models.TINY), sleep_idle_seconds=1)
    made.lora_adapters = [{"path": str(models.tiny(models.TINY_LORA)), "scale": 1.0}]
    with xlc.Server(made) as server:
        opened = door(server)
        opened.ask("/lora-adapters", [{"id": 0, "scale": 0.25}])
        fall_asleep(server)
        assert [adapter["scale"] for adapter in opened.ask("/lora-adapters")] == [0.25]


@pytest.mark.capability("Sleep", "many requests at once wake it once")
def test_all_that_come_while_it_sleeps_are_answered(sleepy: xlc.Server, door: OpenDoor) -> None:
    opened = door(sleepy)
    fall_asleep(sleepy)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: opened.ask("/v1/completions", _BODY), range(12)))
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [8] * 12


@pytest.mark.capability("Sleep", "a model that is gone is an error, and the next request tries again")
@pytest.mark.parametrize(
    "content", [None, b"", b"GGUF", b"no model at all" * 1000], ids=["gone", "empty", "cut", "junk"]
)
def test_a_model_that_cannot_be_loaded_again(
    sleepy: xlc.Server, door: OpenDoor, model: Path, demo_model: Path, content: bytes | None
) -> None:
    opened = door(sleepy)
    fall_asleep(sleepy)
    model.unlink()
    if content is not None:
        model.write_bytes(content)
    try:
        with ThreadPoolExecutor(6) as pool:
            errors = list(pool.map(lambda _: _refusal(opened), range(6)))
        for error in errors:
            assert (error.status, error.type) == (503, "unavailable_error")
            assert str(model) in str(error)
        assert is_asleep(sleepy)
        assert opened.ask("/health") == {"status": "ok"}
    finally:
        model.unlink(missing_ok=True)
        model.symlink_to(demo_model)
    assert opened.ask("/v1/completions", _BODY)["usage"]["completion_tokens"] == 8


def _refusal(opened: Door) -> xlc.RequestError:
    with pytest.raises(xlc.RequestError) as caught:
        opened.ask("/v1/completions", _BODY)
    return caught.value


def test_a_refusal_says_when_to_try_again(sleepy: xlc.Server, model: Path, demo_model: Path) -> None:
    fall_asleep(sleepy)
    model.unlink()
    answer = requests.post(f"{sleepy.listening_address}/v1/completions", json=_BODY, timeout=_PATIENCE_S)
    model.symlink_to(demo_model)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_no_route_but_those_that_say_so_answers_without_the_model(
    sleepy: xlc.Server, model: Path, demo_model: Path
) -> None:
    fall_asleep(sleepy)
    model.unlink()
    answering = set()
    for route in sleepy.routes:
        method, path = route.split()
        try:
            sleepy.request(method, path.replace(":id_slot", "0"), {} if method == "POST" else None)
            answering.add(route)
        except xlc.RequestError as error:
            if error.status != 503:
                answering.add(route)
    model.symlink_to(demo_model)
    assert is_asleep(sleepy)
    about = {"GET /health", "GET /v1/health", "GET /props", "GET /models", "GET /v1/models", "GET /metrics"}
    streams = {"GET /v1/stream", "POST /v1/streams/lookup", "DELETE /v1/stream"}
    page = {"GET /tools", "POST /tools", "GET /cors-proxy", "POST /cors-proxy"}
    # Nothing is wanted of the model for what is wrong at first sight.
    wrong = {"POST /infill", "POST /lora-adapters"}
    assert answering == about | streams | page | wrong


def test_a_request_that_is_wrong_at_first_sight_wakes_nobody(sleepy: xlc.Server, door: OpenDoor) -> None:
    fall_asleep(sleepy)
    with pytest.raises(xlc.RequestError) as caught:
        door(sleepy).ask("/v1/completions", {**_BODY, "speculative.n_max": "many"})
    assert caught.value.status == 400
    assert is_asleep(sleepy)


def test_a_stream_keeps_the_model_awake_however_slowly_it_is_read(sleepy: xlc.Server) -> None:
    body = {**_BODY, "max_tokens": 40, "ignore_eos": True, "stream": True}
    with sleepy.request("POST", "/v1/completions", body) as chunks:
        next(chunks)
        time.sleep(2.5)
        assert not is_asleep(sleepy)
        assert sum(1 for _ in chunks) >= 39
    fall_asleep(sleepy)


def test_a_caller_who_gives_up_while_it_wakes_is_let_go(sleepy: xlc.Server) -> None:
    fall_asleep(sleepy)
    with pytest.raises(xlc.RequestTimeoutError):
        sleepy.request("POST", "/v1/completions", _BODY, timeout=0.001)
    assert sleepy.handle_completions(_BODY)["usage"]["completion_tokens"] == 8


@pytest.mark.capability("Sleep", "a sleeping server drains and closes")
@pytest.mark.parametrize("is_waking", [False, True], ids=["asleep", "waking"])
def test_a_sleeping_server_drains_and_closes(door: OpenDoor, model: Path, params: MakeParams, is_waking: bool) -> None:
    with xlc.Server(params(model, sleep_idle_seconds=1)) as server:
        fall_asleep(server)
        opened = door(server)
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(_answer_or_error(opened)))
        if is_waking:
            asking.start()
        else:
            assert opened.ask("/props")["is_sleeping"]
        assert server.drain(_PATIENCE_S)
        server.close()
        if is_waking:
            asking.join(_PATIENCE_S)
            assert len(answers) == 1


def _answer_or_error(opened: Door) -> Any:
    try:
        return opened.ask("/v1/completions", _BODY)
    except (xlc.ServerError, requests.ConnectionError) as error:
        return error


def test_a_server_that_sleeps_is_stopped_by_a_signal(model: Path) -> None:
    command = [sys.executable, "-m", "xllamacpp", "serve", "--model", str(model), "--port", "0"]
    options = ["--ctx-size", "512", "--sleep-idle-seconds", "1", "--drain-seconds", "250"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *options], **pipes) as process:
        try:
            address = process.stdout.readline().split()[-1]
            until(lambda: requests.get(f"{address}/props", timeout=_PATIENCE_S).json()["is_sleeping"])
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=_PATIENCE_S)[1]
        finally:
            process.kill()
    assert (process.returncode, rest.splitlines()[-1]) == (os.EX_OK, "stopped")


# With less address space than the model takes, as where something else has taken the memory meanwhile.
_SHORT_OF_MEMORY = """
import resource, sys, time
import xllamacpp as xlc

params = xlc.CommonParams(n_ctx=1024, warmup=False, sleep_idle_seconds=1, load_mode="LLAMA_LOAD_MODE_NONE")
params.model.path = sys.argv[1]
body = {"prompt": "Once", "max_tokens": 4}

def taken():
    return int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()

with xlc.Server(params) as server:
    awake = taken()
    # Nobody asks, so it falls asleep. It would say that it sleeps before all of the model's 98 MB are given back.
    while taken() > awake - 90 * 10**6:
        time.sleep(0.02)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken() + 64 * 2**20, limits[1]))
    try:
        server.request("POST", "/v1/completions", body)
    except xlc.RequestError as error:
        print(error.status, error)
    resource.setrlimit(resource.RLIMIT_AS, limits)
    print(server.request("GET", "/props")["is_sleeping"])
    print(server.request("POST", "/v1/completions", body)["usage"]["completion_tokens"])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit the address space")
def test_too_little_memory_to_wake_is_an_error_and_the_next_request_tries_again(demo_model: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _SHORT_OF_MEMORY, str(demo_model)], capture_output=True, text=True, timeout=_PATIENCE_S
    )
    refusal, *rest = result.stdout.splitlines()
    assert refusal.startswith("503 the model sleeps and could not be loaded again"), result
    assert rest == ["True", "4"]
