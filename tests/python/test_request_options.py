"""Options of requests: older names, those that llama.cpp passes by, and those that it would not survive."""

from __future__ import annotations

import time

import pytest

import models
import xllamacpp as xlc


@pytest.fixture(scope="module")
def server(params):
    """Serve a tiny model with random weights: what it says means nothing."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


def settings(server, **options):
    """Ask llama.cpp's own route, which tells the settings that a request came to."""
    answer = server.request("POST", "/completion", {"prompt": "a", "n_predict": 1, **options})
    return answer["generation_settings"]


@pytest.mark.parametrize(
    ("older", "today", "value"),
    [
        ("temp", "temperature", 0.25),
        ("typ_p", "typical_p", 0.5),
        ("penalty_repeat", "repeat_penalty", 1.5),
        ("penalty_last_n", "repeat_last_n", 17),
        ("penalty_freq", "frequency_penalty", 0.25),
        ("penalty_present", "presence_penalty", 0.25),
    ],
)
def test_names_of_the_parameters_are_taken_for_those_of_requests(server, older, today, value):
    assert settings(server)[today] != value
    assert settings(server, **{older: value})[today] == value
    assert settings(server, **{older: value, today: 0.125 if today != "repeat_last_n" else 5})[today] != value


@pytest.mark.parametrize(
    "options",
    [
        {"speculative.n_min": 1, "speculative.n_max": 4, "speculative.p_min": 0.0},
        {"speculative.type": "ngram_simple", "speculative.ngram_size_n": 12},
    ],
)
@pytest.mark.filterwarnings("ignore::xllamacpp.ParameterWarning")
def test_speculative_options_are_taken_and_said_to_have_no_effect(server, options, caplog):
    for _ in range(2):
        assert server.handle_completions({"prompt": "a", "max_tokens": 1, **options})["choices"]
    for option in options:
        said = [record for record in caplog.records if record.getMessage().startswith(f"{option} in a request has no")]
        assert len(said) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speculative.n_max": 0}, "speculative.n_max: expected a whole number from 1 to 1024, got 0"),
        ({"speculative.p_min": "x"}, 'speculative.p_min: expected a number, got "x"'),
        ({"speculative.n_maxx": 1}, "speculative.n_maxx: common_params_speculative has no such field; did you mean"),
    ],
)
def test_speculative_options_are_checked(server, options, message):
    error = server.handle_completions({"prompt": "a", "max_tokens": 1, **options})["error"]
    assert error["code"] == 400
    assert error["message"].startswith(message)


@pytest.mark.parametrize("path", ["/completion", "/v1/completions", "/v1/chat/completions", "/v1/messages"])
def test_no_client_can_abort_the_process_by_top_k(server, path):
    """The device's own sort asserts that it has as many tokens as it shall find."""
    body = {"messages": [{"role": "user", "content": "a"}]} if "chat" in path or "messages" in path else {"prompt": "a"}
    answer = server.request(
        "POST", path, {**body, "max_tokens": 2, "backend_sampling": True, "top_k": 100_000, "temperature": 1}
    )
    assert answer
    assert settings(server, top_k=100_000)["top_k"] == 297


@pytest.mark.parametrize("samplers", [["infill"], ["infill", "top_k"], "i"])
def test_no_client_can_hold_the_server_up_by_samplers(server, samplers):
    error = server.handle_completions({"prompt": "a", "max_tokens": 1, "samplers": samplers})["error"]
    assert error["code"] == 400
    assert "put TOP_K before it" in error["message"]
    assert server.handle_completions({"prompt": "a", "max_tokens": 1, "samplers": ["top_k", "infill"]})["choices"]


@pytest.mark.parametrize("option", ["repeat_last_n", "dry_penalty_last_n"])
def test_no_client_can_take_gigabytes_by_what_is_remembered(server, option):
    begin = time.monotonic()
    assert settings(server, **{option: 2**31 - 1, "dry_multiplier": 1})[option] == 2**20
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("body", [b"no JSON temp", b'["temp"]', b'{"temp": ', b'"temp"'])
def test_what_is_no_object_is_llama_cpps_to_refuse(server, body):
    with pytest.raises(xlc.RequestError) as caught:
        server.request("POST", "/v1/completions", body)
    assert caught.value.status in {400, 500}


def test_texts_stay_as_they_are(server):
    answer = server.request("POST", "/completion", {"prompt": 'say "temp": 5 ü🦙', "n_predict": 1, "temp": 0.5})
    assert answer["prompt"].endswith('say "temp": 5 ü🦙')
