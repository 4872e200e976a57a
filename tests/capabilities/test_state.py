"""What the server tells of itself: properties, models, slots, health."""

from __future__ import annotations

import pytest

import models
import xllamacpp as xlc


def capability(name):
    return pytest.mark.capability("State", name)


@pytest.fixture(scope="module")
def server(params):
    model = models.tiny(models.TINY)
    switched_on = {"endpoint_slots": True, "endpoint_props": True, "model_alias": {"small"}}
    with xlc.Server(params(model, n_ctx=1024, n_parallel=2, sampling={"top_k": 7}, **switched_on)) as server:
        yield server


@capability("properties")
def test_properties_are_what_the_server_was_set_up_for(server, door):
    props = door(server).ask("/props")
    assert props["total_slots"] == 2
    assert props["default_generation_settings"]["n_ctx"] == 512
    assert props["default_generation_settings"]["params"]["top_k"] == 7
    assert props["model_path"] == str(models.tiny(models.TINY))
    assert props["modalities"] == {"vision": False, "video": False, "audio": False}
    assert props["chat_template"].startswith("{% for message in messages %}")
    assert (props["bos_token"], props["eos_token"]) == ("<s>", "</s>")
    assert props["is_sleeping"] is False


@capability("properties: changing them")
def test_properties_can_be_changed_as_far_as_llama_cpp_has_any_that_can(server, door):
    opened = door(server)
    before = opened.ask("/props")
    assert opened.ask("/props", {"total_slots": 5}) == {"success": True}
    assert opened.ask("/props") == before


@capability("models")
@pytest.mark.parametrize("path", ["/models", "/v1/models"])
def test_the_model_goes_by_its_alias(server, door, path):
    listed = door(server).ask(path)
    (model,) = listed["data"]
    assert (listed["object"], model["object"], model["id"]) == ("list", "model", "small")
    assert model["meta"]["n_vocab"] == 297
    assert model["meta"]["n_ctx_train"] == 512
    assert model["meta"]["n_embd"] == 64


@capability("slots")
def test_a_slot_tells_of_its_last_request(server, door):
    opened = door(server)
    opened.ask("/completion", {"prompt": "the inn", "n_predict": 3, "top_k": 5, "id_slot": 1})
    slots = opened.ask("/slots")
    assert [slot["id"] for slot in slots] == [0, 1]
    assert not any(slot["is_processing"] for slot in slots)
    assert slots[1]["params"]["top_k"] == 5
    assert slots[1]["n_prompt_tokens"] == 5 + 2


@capability("slots")
def test_a_slot_tells_that_it_is_at_work_and_that_none_is_free(server, door):
    opened = door(server)
    asked = {"prompt": "the inn", "n_predict": -1, "ignore_eos": True, "stream": True}
    with server.request("POST", "/completion", asked) as one, server.request("POST", "/completion", asked) as other:
        next(one), next(other)
        # Nobody takes the chunks, so both stand still with their slots.
        assert [slot["is_processing"] for slot in opened.ask("/slots")] == [True, True]
        with pytest.raises(xlc.RequestError, match="no slot available") as caught:
            opened.ask("/slots?fail_on_no_slot=1")
        assert caught.value.status == 503


@capability("health")
@pytest.mark.parametrize("path", ["/health", "/v1/health"])
def test_health(server, door, path):
    assert door(server).ask(path) == {"status": "ok"}
