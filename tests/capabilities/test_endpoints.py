"""Every route of the server, through both doors: it answers what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import models
import xllamacpp as xlc

GREEDY = {"temperature": 0, "max_tokens": 4}
CHAT = {"messages": [{"role": "user", "content": "the inn"}], **GREEDY}
RERANK = {"query": "the inn", "documents": ["inn", "on the other"]}


def at(*names: str) -> Callable[[Any], Any]:
    """Go down an answer by names and indices."""

    def go(answer: Any) -> Any:
        for name in names:
            answer = answer[int(name) if name.isdigit() else name]
        return answer

    return go


@dataclass(frozen=True)
class Route:
    """How a route is asked, and what has to be in its answer.

    Parameters
    ----------
    body : object
        The body of the request; None for none.
    gives : callable
        Takes the answer to what has to be true of it.
    streamed : callable, optional
        Takes a chunk to its piece of the text; the pieces together are what `gives` finds in the whole answer.
    server : str
        The fixture of the server that has such a route.
    path : str
        What is asked where it is not the route itself: with its parameters.
    """

    body: Any
    gives: Callable[[Any], Any]
    streamed: Callable[[Any], str] | None = None
    server: str = "server"
    path: str = ""


def delta_of_chat(chunk):
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


def delta_of_responses(event):
    return event["delta"] if event["type"] == "response.output_text.delta" else ""


def delta_of_messages(event):
    return event["delta"]["text"] if event["type"] == "content_block_delta" else ""


NATIVE = Route({"prompt": "the inn", "n_predict": 4, "temperature": 0}, at("content"), at("content"))
CHAT_ROUTE = Route(CHAT, at("choices", "0", "message", "content"), delta_of_chat)
RESPONSES = Route(
    {"input": "the inn", "max_output_tokens": 4, "temperature": 0},
    at("output", "0", "content", "0", "text"),
    delta_of_responses,
)
EMBEDDING = Route({"input": "the inn"}, at("0", "embedding", "0", "63"), server="encoder")
RERANKING = Route(RERANK, at("results", "0", "relevance_score"), server="reranker")
TOKENS_OF_CHAT = Route(CHAT, at("input_tokens"))
TOKENS_OF_RESPONSES = Route({"input": "the inn"}, at("input_tokens"))
MODELS = Route(None, at("data", "0", "meta", "n_vocab"))
HEALTH = Route(None, lambda answer: answer == {"status": "ok"})

ROUTES = {
    "POST /completion": NATIVE,
    "POST /completions": NATIVE,
    "POST /v1/completions": Route(
        {"prompt": "the inn", **GREEDY}, at("choices", "0", "text"), at("choices", "0", "text")
    ),
    "POST /chat/completions": CHAT_ROUTE,
    "POST /v1/chat/completions": CHAT_ROUTE,
    "POST /v1/chat/completions/control": Route(
        {"id": "nobody", "action": "reasoning_end"},
        lambda answer: answer == {"success": False, "message": "no active completion for this id"},
    ),
    "POST /responses": RESPONSES,
    "POST /v1/responses": RESPONSES,
    "POST /v1/messages": Route(CHAT, at("content", "0", "text"), delta_of_messages),
    "POST /infill": Route(
        {"input_prefix": "the ", "input_suffix": " inn", "n_predict": 4, "temperature": 0},
        at("content"),
        at("content"),
    ),
    "POST /embedding": EMBEDDING,
    "POST /embeddings": EMBEDDING,
    "POST /v1/embeddings": Route({"input": "the inn"}, at("data", "0", "embedding", "63"), server="encoder"),
    "POST /rerank": RERANKING,
    "POST /reranking": RERANKING,
    "POST /v1/rerank": RERANKING,
    "POST /v1/reranking": RERANKING,
    "POST /tokenize": Route({"content": "the inn"}, at("tokens", "0")),
    "POST /detokenize": Route({"tokens": [264]}, lambda answer: answer == {"content": "e"}),
    "POST /apply-template": Route(CHAT, lambda answer: answer == {"prompt": "user: the inn\nassistant: "}),
    "POST /chat/completions/input_tokens": TOKENS_OF_CHAT,
    "POST /v1/chat/completions/input_tokens": TOKENS_OF_CHAT,
    "POST /responses/input_tokens": TOKENS_OF_RESPONSES,
    "POST /v1/responses/input_tokens": TOKENS_OF_RESPONSES,
    "POST /v1/messages/count_tokens": TOKENS_OF_CHAT,
    "GET /health": HEALTH,
    "GET /v1/health": HEALTH,
    "GET /metrics": Route(None, lambda answer: "llamacpp:prompt_tokens_total" in answer),
    "GET /props": Route(None, at("total_slots")),
    "POST /props": Route({}, lambda answer: answer == {"success": True}),
    "GET /models": MODELS,
    "GET /v1/models": MODELS,
    "GET /lora-adapters": Route(None, at("0", "path")),
    "POST /lora-adapters": Route([{"id": 0, "scale": 0.5}], lambda answer: answer == {"success": True}),
    "GET /slots": Route(None, at("1", "n_ctx")),
    "POST /slots/:id_slot": Route({}, lambda answer: answer["id_slot"] == 1, path="/slots/1?action=erase"),
    "POST /v1/streams/lookup": Route({"conversation_ids": ["nobody's"]}, lambda answer: answer == []),
    "DELETE /v1/stream": Route(None, lambda answer: answer is None, path="/v1/stream?conv_id=nobody%27s"),
    "GET /tools": Route(None, lambda answer: [tool["tool"] for tool in answer] == ["read_file"]),
    "POST /tools": Route(
        {"tool": "read_file", "params": {"path": __file__}},
        lambda answer: (__doc__ or "") in answer["plain_text_response"],
    ),
}

# Tests of their own: they take more than one request, or another kind of body.
APART = {"GET /v1/stream", "GET /cors-proxy", "POST /cors-proxy"}
OF_SOUND = ["POST /audio/transcriptions", "POST /v1/audio/transcriptions"]


@pytest.fixture(scope="module")
def server(params, tmp_path_factory):
    """Serve a tiny model with everything on that can be."""
    # The model has no tokens for a text's middle; others do for these.
    filling = [f"tokenizer.ggml.{name}_token_id=int:{token}" for name, token in zip(FILLING, (3, 4, 5), strict=True)]
    wanted = params(
        models.tiny(models.TINY),
        n_ctx=1024,
        n_parallel=2,
        endpoint_slots=True,
        endpoint_metrics=True,
        endpoint_props=True,
        slot_save_path=f"{tmp_path_factory.mktemp('slots')}/",
        kv_overrides=filling,
        lora_adapters=[str(models.tiny(models.TINY_LORA))],
        lora_init_without_apply=True,
        server_tools=["read_file"],
        ui_mcp_proxy=True,
    )
    with xlc.Server(wanted) as server:
        yield server


FILLING = ("fim_pre", "fim_suf", "fim_mid")


@pytest.fixture(scope="module")
def encoder(params):
    with xlc.Server(params(models.tiny(models.TINY_ENCODER), n_ctx=512, n_parallel=1, embedding=True)) as server:
        yield server


@pytest.fixture(scope="module")
def reranker(params):
    pooling = xlc.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    wanted = params(models.tiny(models.TINY_RERANKER), n_ctx=512, n_parallel=1, embedding=True, pooling_type=pooling)
    with xlc.Server(wanted) as server:
        yield server


def each(names, **more):
    return [pytest.param(name, marks=pytest.mark.capability("Endpoints", f"`{name}`"), **more) for name in names]


@pytest.mark.parametrize("name", each(ROUTES))
def test_a_route_answers_what_it_is_for(name, door, request):
    route = ROUTES[name]
    method, path = name.split()
    answer = door(request.getfixturevalue(route.server)).ask(route.path or path, route.body, method=method)
    assert route.gives(answer), answer


@pytest.mark.parametrize("name", each(name for name in ROUTES if ROUTES[name].streamed))
def test_a_streamed_answer_is_the_whole_one_in_pieces(name, door, request):
    route = ROUTES[name]
    opened = door(request.getfixturevalue(route.server))
    path = name.split()[1]
    chunks = opened.stream(path, route.body)
    assert len(chunks) > 1
    assert "".join(map(route.streamed, chunks)) == route.gives(opened.ask(path, route.body))


@pytest.mark.capability("Endpoints", "`GET /v1/stream`")
def test_a_client_takes_up_a_stream_again(server, door):
    opened = door(server)
    conversation = f"a stream by {opened.name}"
    whole = opened.stream(
        "/v1/completions", {"prompt": "the inn", **GREEDY}, headers={"X-Conversation-Id": conversation}
    )
    again = opened.stream(f"/v1/stream?conv_id={conversation.replace(' ', '%20')}")
    assert again == whole
    (found,) = opened.ask("/v1/streams/lookup", {"conversation_ids": [conversation]})
    assert found["is_done"] is True


def test_the_events_of_a_response_come_again_without_their_numbers(server, door):
    """As the guide says: llama.cpp keeps them before they are completed."""
    opened = door(server)
    conversation = f"a response by {opened.name}"
    body = {"input": "the inn", "max_output_tokens": 4, "temperature": 0}
    whole = opened.stream("/v1/responses", body, headers={"X-Conversation-Id": conversation})
    again = opened.stream(f"/v1/stream?conv_id={conversation.replace(' ', '%20')}")
    assert [event["type"] for event in again] == [event["type"] for event in whole]
    assert [event.get("sequence_number") for event in whole] == list(range(len(whole)))
    assert not [event for event in again if "sequence_number" in event or "output_index" in event]


@pytest.mark.parametrize("name", each(["GET /cors-proxy", "POST /cors-proxy"]))
def test_the_proxy_asks_another_server(server, encoder, name, door):
    method, path = name.split()
    asked, body = ("/health", None) if method == "GET" else ("/tokenize", {"content": "the inn"})
    found = door(server).ask(f"{path}?url={encoder.listening_address}{asked}", body, method=method)
    assert found == encoder.request(method, asked, body)


@pytest.mark.parametrize("name", each(OF_SOUND))
def test_a_model_that_does_not_hear_says_so(server, name, door):
    with pytest.raises(xlc.RequestError, match="does not support audio input") as caught:
        door(server).ask(name.split()[1], {"prompt": "the inn"})
    assert caught.value.status == 501


def test_no_route_is_without_a_test(server):
    assert {*ROUTES, *APART, *OF_SOUND} == set(server.routes)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("GET /metrics", 501, "--metrics"),
        ("GET /slots", 501, "--slots"),
        ("POST /props", 501, "--props"),
        ("POST /slots/0?action=erase", 501, "--slot-save-path"),
        ("POST /v1/embeddings", 501, "--embeddings"),
        ("POST /v1/rerank", 501, "--reranking"),
        ("GET /tools", 403, "disabled"),
        ("POST /tools", 403, "disabled"),
        ("GET /cors-proxy", 403, "disabled"),
        ("POST /cors-proxy", 403, "disabled"),
    ],
)
def test_what_is_off_says_what_switches_it_on(plain, door, name, status, words):
    method, path = name.split()
    with pytest.raises(xlc.RequestError, match=words) as caught:
        door(plain).ask(path, {} if method == "POST" else None, method=method)
    assert caught.value.status == status


@pytest.fixture(scope="module")
def plain(params):
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1, endpoint_slots=False)) as server:
        yield server
