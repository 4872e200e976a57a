"""Adapters (LoRA): loaded beside the model, and counting by their scales, for one request or for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import models
import xllamacpp as xlc

pytestmark = pytest.mark.capability("LoRA", "adapters and their scales")

PROMPT = "the inner thing is on an other one in the end"


@pytest.fixture
def load(params):
    """Serve TINY with its adapter, on one slot unless told otherwise, so that each request finds the last one's cache.

    ``adapters`` has a scale for each.
    """

    def start(*adapters, **fields):
        path = models.tiny(models.TINY_LORA)
        made = params(models.tiny(models.TINY), **{"n_ctx": 512, "n_parallel": 1, **fields})
        made.lora_adapters = [xlc.CommonAdapterLoraInfo(path, scale) for scale in adapters]
        return xlc.Server(made)

    return start


@pytest.fixture(scope="module")
def texts(params):
    """Tell what the model says at which scale, each from a server that never had another."""
    found = {}
    for scale in (0.0, 0.5, 1.0, -1.0):
        made = params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, cache_prompt=False)
        made.lora_adapters = [{"path": models.tiny(models.TINY_LORA), "scale": scale}]
        with xlc.Server(made) as server:
            found[scale] = complete(server.request)
    assert len(set(found.values())) == len(found)
    return found


def complete(request, path="/completion", **options):
    """Complete the prompt by `request`, which is called as a server's ``request`` is."""
    options = {"n_predict": 12, "temperature": 0, "cache_prompt": True, **options}
    return request("POST", path, {"prompt": PROMPT, **options})["content"]


def through(door):
    return lambda method, path, body: door.ask(path, body, method=method)


def refusal(door, path, body):
    with pytest.raises(xlc.RequestError) as caught:
        door.ask(path, body)
    return caught.value.status, str(caught.value)


class TestAtLoad:
    pytestmark = pytest.mark.capability("LoRA", "at load")

    @pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
    def test_scale_counts(self, load, texts, door, scale):
        with load(scale) as server:
            assert complete(through(door(server))) == texts[scale]

    def test_scale_can_be_changed_in_the_parameters(self, params, texts, door):
        made = params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)
        made.lora_adapters = [xlc.CommonAdapterLoraInfo(models.tiny(models.TINY_LORA), 1.0)]
        for scale in (0.5, 0.0):
            made.lora_adapters[0].scale = scale
            with xlc.Server(made) as server:
                assert complete(through(door(server))) == texts[scale]
                assert door(server).ask("/lora-adapters")[0]["scale"] == scale

    def test_model_without_its_adapter_is_as_at_0(self, load, texts, door):
        with load() as server:
            assert complete(through(door(server))) == texts[0.0]
            assert door(server).ask("/lora-adapters") == []

    def test_two_at_half_are_one_whole(self, load, texts, door):
        with load(0.5, 0.5) as server:
            assert complete(through(door(server))) == texts[1.0]

    @pytest.mark.capability("LoRA", "loaded, and off until asked for")
    def test_adapter_can_wait_until_it_is_asked_for(self, load, texts, door):
        with load(1.0, lora_init_without_apply=True) as server:
            door = door(server)
            assert door.ask("/lora-adapters")[0]["scale"] == 0
            assert complete(through(door)) == texts[0.0]
            assert complete(through(door), lora=[{"id": 0, "scale": 1.0}]) == texts[1.0]
            assert complete(through(door)) == texts[0.0]
            door.ask("/lora-adapters", [{"id": 0, "scale": 0.5}])
            assert complete(through(door)) == texts[0.5]


class TestPerRequest:
    pytestmark = pytest.mark.capability("LoRA", "per request")

    @pytest.mark.parametrize("at_load", [0.0, 1.0])
    def test_request_has_its_own_scale_and_leaves_nothing_to_the_next(self, load, texts, door, at_load):
        with load(at_load) as server:
            ask = through(door(server))
            for scale in (None, 1.0, None, 0.5, 0.0, None, -1.0, 1.0, None):
                chosen = {} if scale is None else {"lora": [{"id": 0, "scale": scale}]}
                assert complete(ask, **chosen) == texts[at_load if scale is None else scale]

    def test_no_scales_are_the_servers(self, load, texts, door):
        with load(1.0) as server:
            ask = through(door(server))
            for nothing in ([], None):
                assert complete(ask, lora=[{"id": 0, "scale": 0.5}]) == texts[0.5]
                assert complete(ask, lora=nothing) == texts[1.0]

    def test_adapters_that_are_not_named_are_off(self, load, texts, door):
        with load(1.0, 0.5) as server:
            ask = through(door(server))
            assert complete(ask, lora=[{"id": 1, "scale": 0.5}]) == texts[0.5]
            assert complete(ask, lora=[{"id": 1, "scale": 0.5}, {"id": 0, "scale": 0.5}]) == texts[1.0]

    def test_every_kind_of_request_takes_them(self, load, door):
        chat = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 12, "temperature": 0}
        plain = {"prompt": PROMPT, "max_tokens": 12, "temperature": 0}
        answers = {
            "/v1/completions": lambda body: body["choices"][0]["text"],
            "/v1/chat/completions": lambda body: body["choices"][0]["message"]["content"],
            "/v1/responses": lambda body: body["output"][-1]["content"][0]["text"],
        }
        with load(0.0) as server:
            for path, text in answers.items():
                request = plain if path == "/v1/completions" else chat
                if path == "/v1/responses":
                    request = {"input": PROMPT, "max_output_tokens": 12, "temperature": 0}
                off, on, again = (
                    text(door(server).ask(path, {**request, "lora": [{"id": 0, "scale": scale}]}))
                    for scale in (0.0, 1.0, 0.0)
                )
                assert off == again != on

    def test_streamed_text_is_the_same(self, load, texts, door):
        with load(0.0) as server:
            for scale in (1.0, 0.0):
                chunks = door(server).stream(
                    "/completion",
                    {"prompt": PROMPT, "n_predict": 12, "temperature": 0, "lora": [{"id": 0, "scale": scale}]},
                )
                assert "".join(chunk["content"] for chunk in chunks) == texts[scale]

    def test_requests_at_once_do_not_mix(self, load, texts, door):
        with load(0.0, n_parallel=4, n_ctx=2048) as server, ThreadPoolExecutor(4) as pool:
            ask = through(door(server))
            scales = [0.0, 1.0, 0.5, -1.0] * 4
            said = pool.map(lambda scale: complete(ask, lora=[{"id": 0, "scale": scale}]), scales)
            assert list(said) == [texts[scale] for scale in scales]

    @pytest.mark.parametrize("path", ["/v1/messages"])
    def test_anthropics_form_has_the_servers_scales_and_no_others(self, load, door, path):
        request = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 12, "temperature": 0}

        def say(door):
            return door.ask(path, request)["content"][0]["text"]

        with load(0.0) as server:
            off = say(door(server))
        with load(1.0) as server:
            on = say(door(server))
        assert on != off
        with load(0.0) as server:
            for scale, expected in ((0.0, off), (1.0, on), (0.0, off)):
                door(server).ask("/lora-adapters", [{"id": 0, "scale": scale}])
                assert say(door(server)) == expected


class TestHotSwap:
    pytestmark = pytest.mark.capability("LoRA", "changed on a running server")

    def test_adapters_are_listed(self, load, door):
        with load(0.25, 1.0) as server:
            listed = door(server).ask("/lora-adapters")
        assert [(adapter["id"], adapter["scale"]) for adapter in listed] == [(0, 0.25), (1, 1.0)]
        assert {adapter["path"] for adapter in listed} == {str(models.tiny(models.TINY_LORA))}

    def test_scale_changes_and_comes_back(self, load, texts, door):
        with load(0.0) as server:
            door = door(server)
            for scale in (1.0, 0.0, 0.5, 0.0, 1.0):
                assert door.ask("/lora-adapters", [{"id": 0, "scale": scale}]) == {"success": True}
                assert door.ask("/lora-adapters")[0]["scale"] == scale
                assert complete(through(door)) == texts[scale]

    def test_adapters_that_are_not_named_go_off(self, load, texts, door):
        with load(1.0, 0.5) as server:
            door = door(server)
            door.ask("/lora-adapters", [{"id": 1, "scale": 0.5}])
            assert [adapter["scale"] for adapter in door.ask("/lora-adapters")] == [0, 0.5]
            assert complete(through(door)) == texts[0.5]
            door.ask("/lora-adapters", [])
            assert complete(through(door)) == texts[0.0]

    def test_request_with_scales_of_its_own_is_left_alone(self, load, texts, door):
        with load(0.0) as server:
            door = door(server)
            door.ask("/lora-adapters", [{"id": 0, "scale": 1.0}])
            assert complete(through(door), lora=[{"id": 0, "scale": 0.5}]) == texts[0.5]
            assert complete(through(door)) == texts[1.0]

    def test_prompt_stays_cached_while_the_scale_stays(self, load, door):
        with load(1.0) as server:
            door = door(server)
            counts = []
            for scale in (1.0, 1.0, 0.5, 0.5):
                door.ask("/lora-adapters", [{"id": 0, "scale": scale}])
                answer = door.ask("/completion", {"prompt": PROMPT, "n_predict": 1})
                counts.append(answer["timings"]["cache_n"] > 0)
            assert counts == [False, True, False, True]


WRONG = [
    ({"id": 0, "scale": 1}, "expected a list such as"),
    ("adapter", "expected a list such as"),
    (1, "expected a list such as"),
    ([0], "expected an adapter and its scale"),
    ([{"id": 0}], "expected an adapter and its scale"),
    ([{"scale": 1.0}], "expected an adapter and its scale"),
    ([{"id": 1, "scale": 1.0}], "a number from 0 to 0, got 1"),
    ([{"id": -1, "scale": 1.0}], "a number from 0 to 0, got -1"),
    ([{"id": "0", "scale": 1.0}], 'a number from 0 to 0, got "0"'),
    ([{"id": 0.5, "scale": 1.0}], "a number from 0 to 0, got 0.5"),
    ([{"id": 2**64, "scale": 1.0}], "a number from 0 to 0"),
    ([{"id": 0, "scale": "1"}], "scale: expected a number"),
    ([{"id": 0, "scale": None}], "scale: expected a number"),
    ([{"id": 0, "scale": 1e9}], "scale: expected a number"),
    ([{"id": 0, "scale": 1.0}, {"id": 3, "scale": 1.0}], ".1.id"),
]


@pytest.fixture(scope="module")
def server(params):
    adapter = {"path": models.tiny(models.TINY_LORA), "scale": 0.5}
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, lora_adapters=[adapter])) as server:
        yield server


class TestRefusals:
    @pytest.mark.parametrize(("wrong", "said"), WRONG)
    def test_what_is_no_adapter_is_named(self, server, texts, door, wrong, said):
        door = door(server)
        for path in ("/completion", "/v1/completions"):
            status, message = refusal(door, path, {"prompt": PROMPT, "max_tokens": 1, "lora": wrong})
            assert status == 400
            assert said in message
            assert message.startswith("lora")
        status, message = refusal(door, "/lora-adapters", wrong)
        assert status == 400
        assert said in message
        assert complete(through(door)) == texts[0.5]

    def test_largest_scale_still_answers(self, server, door):
        for scale in (1000, -1000):
            assert isinstance(complete(through(door(server)), lora=[{"id": 0, "scale": scale}]), str)

    def test_server_without_adapters_says_so(self, params, door):
        with xlc.Server(params(models.tiny(models.TINY), n_ctx=512)) as server:
            door = door(server)
            for path, body in (
                ("/completion", {"prompt": "a", "lora": [{"id": 0, "scale": 1.0}]}),
                ("/lora-adapters", [{"id": 0, "scale": 1.0}]),
            ):
                status, said = refusal(door, path, body)
                assert status == 400
                assert "the server has none" in said
            assert complete(through(door), lora=[])


@pytest.mark.capability("LoRA", "on a real model")
def test_real_model_changes_with_the_scale_and_returns(demo_model, params, door):
    adapter = {"path": models.tiny(models.SMOLLM2_LORA), "scale": 0.0}
    with xlc.Server(params(demo_model, n_ctx=512, n_parallel=1, lora_adapters=[adapter])) as server:
        ask = through(door(server))
        said = [story(ask, [{"id": 0, "scale": scale}]) for scale in (0, 1, 0)]
    assert said[0] == said[2]
    assert said[0] != said[1]


def story(ask, adapters):
    messages = [{"role": "user", "content": "Write a two sentence story about a robot."}]
    body = {"messages": messages, "max_tokens": 40, "temperature": 0, "cache_prompt": False, "lora": adapters}
    return ask("POST", "/v1/chat/completions", body)["choices"][0]["message"]["content"]
