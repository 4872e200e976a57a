"""Requests from this process: the document's methods and Server.request."""

from __future__ import annotations

import json
import threading
from difflib import SequenceMatcher

import pytest

import xllamacpp as xlc

PROMPT = {"prompt": "Once upon a time", "max_tokens": 16, "temperature": 0}
CHAT = {
    "messages": [{"role": "user", "content": "Write a two sentence story about a robot."}],
    "max_tokens": 24,
    "temperature": 0,
}


def text_of(chunk):
    return chunk["choices"][0]["text"] if chunk["choices"] else ""


def delta_of(chunk):
    return (chunk["choices"][0]["delta"].get("content") or "") if chunk["choices"] else ""


def streamed(body):
    return {**body, "stream": True}


@pytest.mark.parametrize("model", ["demo_server", "gemma_server"])
def test_streamed_completion_equals_unstreamed(model, request):
    server = request.getfixturevalue(model)
    whole = server.handle_completions(PROMPT)["choices"][0]["text"]
    pieces = []
    assert server.handle_completions(streamed(PROMPT), lambda chunk: pieces.append(text_of(chunk))) is None
    assert whole
    assert "".join(pieces) == whole
    assert len(pieces) > 5


@pytest.mark.parametrize("model", ["demo_server", "gemma_server"])
def test_streamed_chat_equals_unstreamed(model, request):
    server = request.getfixturevalue(model)
    whole = server.handle_chat_completions(CHAT)["choices"][0]["message"]["content"]
    pieces = []
    server.handle_chat_completions(streamed(CHAT), lambda chunk: pieces.append(delta_of(chunk)))
    assert whole
    assert "".join(pieces) == whole


def test_text_gives_text_of_the_same_type(demo_server):
    as_dict = demo_server.handle_completions(PROMPT)
    as_str = demo_server.handle_completions(json.dumps(PROMPT))
    as_bytes = demo_server.handle_completions(json.dumps(PROMPT).encode())
    assert isinstance(as_str, str)
    assert isinstance(as_bytes, bytes)
    assert json.loads(as_str)["choices"] == json.loads(as_bytes)["choices"] == as_dict["choices"]


def test_callback_gets_chunks_of_the_requests_type(demo_server):
    for request in (json.dumps(streamed(PROMPT)), json.dumps(streamed(PROMPT)).encode()):
        chunks = []
        demo_server.handle_completions(request, chunks.append)
        assert {type(chunk) for chunk in chunks} == {type(request)}
        assert "".join(text_of(json.loads(chunk)) for chunk in chunks)


def test_callback_without_stream_gets_the_whole_answer(demo_server):
    answers = []
    assert demo_server.handle_completions(PROMPT, answers.append) is None
    assert len(answers) == 1
    assert answers[0]["choices"][0]["text"]


@pytest.mark.parametrize("stop_after", [1, 3])
def test_true_from_the_callback_stops_after_exactly_that_chunk(demo_server, stop_after):
    chunks = []

    def callback(chunk):
        chunks.append(chunk)
        return len(chunks) == stop_after

    demo_server.handle_completions({**streamed(PROMPT), "max_tokens": 200}, callback)
    assert len(chunks) == stop_after


def test_only_true_stops(demo_server):
    chunks = []

    def callback(chunk):
        chunks.append(chunk)
        return 1

    demo_server.handle_completions(streamed(PROMPT), callback)
    assert len(chunks) > 1


def test_exception_in_the_callback_reaches_the_caller_and_frees_the_slot(demo_server):
    def callback(chunk):
        raise LookupError("from the callback")

    # More often than there are slots: a slot that stayed busy would make a later request wait for ever.
    for _ in range(len(demo_server.request("GET", "/slots")) + 2):
        with pytest.raises(LookupError, match="from the callback"):
            demo_server.handle_completions({**streamed(PROMPT), "max_tokens": -1}, callback)
    answer = demo_server.request("POST", "/v1/completions", PROMPT, timeout=120)
    assert answer["choices"][0]["text"]


def test_stream_without_a_callback_is_refused(demo_server):
    with pytest.raises(xlc.ParameterError, match="callback"):
        demo_server.handle_completions(streamed(PROMPT))


def test_errors_come_back_as_answers_from_the_documents_methods(demo_server):
    assert demo_server.handle_completions({"max_tokens": 4})["error"]["code"] == 400
    assert json.loads(demo_server.handle_completions("{broken"))["error"]["code"] == 400
    assert demo_server.handle_embeddings({"input": "x"})["error"]["code"] in (400, 501)
    assert demo_server.handle_rerank({"query": "x", "documents": ["y"]})["error"]["code"] == 501


def test_a_request_of_another_type_is_refused(demo_server):
    with pytest.raises(xlc.ParameterError, match="list"):
        demo_server.handle_completions([1, 2])


def test_metrics(demo_server):
    demo_server.handle_completions(PROMPT)
    assert "llamacpp:prompt_tokens_total" in demo_server.handle_metrics()


def test_request_returns_parsed_json_and_text(demo_server):
    tokens = demo_server.request("POST", "/tokenize", {"content": "Hello world"})["tokens"]
    assert demo_server.request("POST", "/detokenize", {"tokens": tokens})["content"].strip() == "Hello world"
    assert demo_server.request("get", "/health") == {"status": "ok"}
    assert isinstance(demo_server.request("GET", "/metrics"), str)


def test_request_reaches_every_route_of_the_table(demo_server):
    for line in demo_server.routes:
        method, path = line.split()
        body = None if method == "GET" else {}
        try:
            demo_server.request(method, path.replace(":id_slot", "0"), body)
        except xlc.RequestError as error:
            assert error.type != "not_found_error" or "Stream" in str(error), f"{line}: {error}"


def test_request_raises_with_the_servers_words(demo_server):
    with pytest.raises(xlc.RequestError, match="no path") as caught:
        demo_server.request("GET", "/no/such/path")
    assert caught.value.status == 404
    assert caught.value.body["error"]["code"] == 404
    with pytest.raises(xlc.RequestError) as caught:
        demo_server.request("POST", "/v1/completions", {"prompt": 3.5})
    assert caught.value.status == 400


def test_request_past_the_context_says_so(demo_server):
    with pytest.raises(xlc.RequestError, match="context") as caught:
        demo_server.request("POST", "/v1/completions", {"prompt": "word " * 5000})
    assert caught.value.status == 400


def test_timeout_cancels(demo_server):
    with pytest.raises(xlc.RequestTimeoutError):
        demo_server.request("POST", "/completion", {**PROMPT, "n_predict": -1, "ignore_eos": True}, timeout=0.5)
    assert demo_server.request("POST", "/v1/completions", PROMPT, timeout=120)["choices"]


def test_eight_threads_on_four_slots_each_get_their_own_answer(demo_server):
    # llama.cpp's arithmetic shifts with the batch, so an answer may leave the serial run's at some token. It still has
    # to be its own question's answer: more like the serial answer to that question than like any other.
    topics = ["an apple", "a river", "a king", "a horse", "a window", "the moon", "a violin", "a train"]

    def ask(topic):
        messages = [{"role": "user", "content": f"Write a two sentence story about {topic}."}]
        body = {"messages": messages, "max_tokens": 32, "temperature": 0}
        return demo_server.request("POST", "/v1/chat/completions", body)

    def text(answer):
        return answer["choices"][0]["message"]["content"]

    serial = {topic: ask(topic) for topic in topics}
    parallel = {}
    threads = [threading.Thread(target=lambda t=topic: parallel.update({t: ask(t)})) for topic in topics]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal = sum(text(parallel[topic]) == text(serial[topic]) for topic in topics)
    print(f"{equal} of {len(topics)} parallel answers equal the serial ones")
    for topic in topics:
        assert parallel[topic]["choices"][0]["finish_reason"] == serial[topic]["choices"][0]["finish_reason"]
        alike = {other: SequenceMatcher(None, text(parallel[topic]), text(serial[other])).ratio() for other in topics}
        assert max(alike, key=alike.get) == topic, alike
