"""Many models behind one address: ``xllamacpp serve --models-dir``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from openai import OpenAI

import capability_table
import models
from routers import SMALL, RouterProcess, wait_until

pytestmark = pytest.mark.capability("Models", "many behind one address, loaded on demand (router)")

MESSAGES = [{"role": "user", "content": "the"}]
# What generates, and where its answer has the text.
GENERATION = {
    "/v1/chat/completions": {"messages": MESSAGES, "max_tokens": 4},
    "/v1/completions": {"prompt": "the", "max_tokens": 4},
    "/completion": {"prompt": "the", "n_predict": 4},
    "/v1/responses": {"input": "the", "max_output_tokens": 4},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 4},
}
PRESETS = """
[*]
temp = 0

[encoder]
embedding = true
pooling = mean
alias = vectors, nearest
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, model in {
        "tiny": models.TINY,
        "other": models.TINY_OTHER_VOCABULARY,
        "small": models.TINY_DRAFT,
        "encoder": models.TINY_ENCODER,
    }.items():
        (folder / f"{name}.gguf").symlink_to(models.tiny(model))
    (folder / "broken.gguf").write_bytes(b"GGUF, but not for long")
    return folder


@pytest.fixture(scope="module")
def router(folder, tmp_path_factory):
    work = tmp_path_factory.mktemp("router")
    presets = work / "presets.ini"
    presets.write_text(PRESETS)
    arguments = ("--models-dir", folder, "--models-preset", presets, "--models-max", "2", "--metrics")
    # What this machine has of the Hub is not on the list.
    environment = {"HF_HUB_CACHE": str(work / "hub")}
    with RouterProcess(work / "log", *arguments, *SMALL, environment=environment) as router:
        yield router


@pytest.fixture
def witness(request):
    return partial(capability_table.record, request.node, "HTTP")


def unload_all(router):
    for model, state in router.states().items():
        if state == "loaded":
            router.ask("/models/unload", {"model": model})
    wait_until(lambda: set(router.states().values()) == {"unloaded"})


def test_a_folder_of_models_is_listed_and_nothing_is_loaded_before_it_is_asked_for(router):
    assert router.states() == dict.fromkeys(["broken", "encoder", "other", "small", "tiny"], "unloaded")
    assert router.models() == []
    assert router.ask("/v1/models")["data"][0]["object"] == "model"
    props = router.ask("/props")
    assert (props["role"], props["max_instances"], props["models_autoload"]) == ("router", 2, True)
    assert router.ask("/health") == {"status": "ok"}


@pytest.mark.parametrize("path", GENERATION)
def test_a_request_goes_to_the_model_that_it_names(router, witness, path):
    answer = router.ask(path, {"model": "tiny", **GENERATION[path]})
    assert router.states()["tiny"] == "loaded"
    assert answer["model"] == "tiny"
    witness(False, "tiny")
    with router.stream(path, {"model": "tiny", **GENERATION[path]}) as chunks:
        assert len(list(chunks)) > 3
    witness(True, "tiny")


def test_models_answer_side_by_side_each_in_its_own_words(router):
    def complete(model):
        return router.ask("/v1/completions", {"model": model, "prompt": "the", "max_tokens": 8})

    alone = {model: complete(model)["choices"][0]["text"] for model in ("tiny", "other")}
    assert alone["tiny"] != alone["other"]
    assert len(router.models()) == 2
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(complete, ["tiny", "other"] * 4))
    assert [(answer["model"], answer["choices"][0]["text"]) for answer in answers] == list(alone.items()) * 4


def test_the_openai_sdk_talks_to_a_model_by_its_name(router):
    with OpenAI(base_url=router.address + "/v1", api_key="none needed", max_retries=0) as client:
        assert "tiny" in {model.id for model in client.models.list()}
        chunks = client.chat.completions.create(model="tiny", messages=MESSAGES, max_tokens=4, stream=True)
        assert {chunk.model for chunk in chunks} == {"tiny"}


def test_a_preset_says_how_its_model_is_served_and_what_it_is_called_too(router, witness):
    answer = router.ask("/v1/embeddings", {"model": "nearest", "input": ["the", "a"]})
    assert len(answer["data"]) == 2
    assert router.states()["encoder"] == "loaded"
    model = next(model for model in router.ask("/models")["data"] if model["id"] == "encoder")
    assert model["aliases"] == ["nearest", "vectors"]
    assert "pooling = mean" in model["status"]["preset"]
    witness(False, "tiny-encoder")


def test_what_has_no_body_names_its_model_in_the_query(router):
    assert router.ask("/props?model=tiny")["model_path"].endswith("tiny.gguf")
    assert len(router.ask("/slots?model=tiny")) == 1
    assert router.ask("/lora-adapters?model=tiny") == []
    assert "llamacpp:" in router.send("GET", "/metrics?model=tiny").text
    assert router.ask("/tokenize", {"model": "tiny", "content": "the"})["tokens"]


def test_a_model_is_loaded_and_unloaded_by_request(router):
    unload_all(router)
    assert router.ask("/models/load", {"model": "tiny"}) == {"success": True}
    router.wait_for("tiny", "loaded")
    (process,) = router.models()
    assert router.ask("/models/unload", {"model": "tiny"}) == {"success": True}
    router.wait_for("tiny", "unloaded")
    assert not process.is_running()


def test_a_request_may_ask_that_nothing_is_loaded_for_it(router):
    unload_all(router)
    body = {"model": "tiny", "prompt": "the"}
    refused = router.send("POST", "/v1/completions?autoload=false", body)
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "model is not loaded")
    assert router.models() == []


def test_the_model_that_was_used_longest_ago_makes_room_for_another(router):
    unload_all(router)
    for model in ("tiny", "other", "tiny", "small"):
        router.ask("/v1/completions", {"model": model, "prompt": "the", "max_tokens": 1})
    states = router.states()
    assert (states["tiny"], states["other"], states["small"]) == ("loaded", "unloaded", "loaded")
    assert len(router.models()) == 2


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v1/completions", {"model": "dmeo", "prompt": "the"}, "model 'dmeo' not found"),
        ("/v1/completions", {"prompt": "the"}, "model name is missing from the request"),
        ("/v1/completions", "no object", "model name is missing from the request"),
        ("/props?model=dmeo", None, "model 'dmeo' not found"),
        ("/slots", None, "model name is missing from the request"),
        ("/models/load", {"model": "dmeo"}, "model 'dmeo' not found"),
        ("/models/unload", {"model": "broken"}, "model is not running"),
        ("/models", {"model": "demo"}, "expected a repository on the Hugging Face Hub"),
        ("/models", {"model": "https://example.com/a"}, "expected a repository on the Hugging Face Hub"),
    ],
)
def test_a_wrong_model_is_an_error_that_says_so(router, path, body, words):
    answer = router.send("GET" if body is None else "POST", path, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_model_that_cannot_be_loaded_is_an_error_and_the_others_go_on(router):
    answer = router.send("POST", "/v1/completions", {"model": "broken", "prompt": "the"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "model name=broken failed to load")
    model = next(model for model in router.ask("/models")["data"] if model["id"] == "broken")
    assert (model["status"]["failed"], model["status"]["exit_code"]) == (True, 3)
    assert "Error: " in router.log, "its own words are in the router's log"
    assert router.ask("/v1/completions", {"model": "tiny", "prompt": "the", "max_tokens": 1})["model"] == "tiny"


def test_states_can_be_followed(router):
    unload_all(router)
    with router.stream("/models/sse", {}) as events:
        router.ask("/models/load", {"model": "tiny"})
        seen = []
        for event in events:
            assert event["model"] == "tiny"
            seen.append(event["data"]["status"])
            if seen[-1] == "loaded":
                break
    assert seen[0] == "loading"
    assert event["data"]["info"]["meta"]["n_ctx"] == 512


def test_a_stream_can_be_taken_up_again_where_the_client_left_it(router):
    name = {"X-Conversation-Id": "a conversation"}
    body = {"model": "tiny", "prompt": "the", "max_tokens": 8, "ignore_eos": True}
    with router.stream("/v1/completions", body, headers=name) as chunks:
        whole = list(chunks)
    found = router.ask("/v1/streams/lookup", {"conversation_ids": ["a conversation", "another"]})
    assert [stream["conversation_id"] for stream in found] == ["a conversation"]
    with router.stream("/v1/stream?conv_id=a%20conversation&from=0", {}) as chunks:
        assert list(chunks) == whole
    assert router.send("DELETE", "/v1/stream?conv_id=a%20conversation").status_code == 204
    assert router.send("GET", "/v1/stream?conv_id=a%20conversation").status_code == 404
