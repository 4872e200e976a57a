"""The official Anthropic SDK: messages, streams, tools, counting, errors."""

from __future__ import annotations

import anthropic
import pytest

import models
import xllamacpp as xlc

QUESTION = [{"role": "user", "content": "What is the weather like?"}]
TOOL = {
    "name": "get_weather",
    "description": "What the weather is like in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
# This SDK knows no temperature.
OPTIONS = {"model": "any", "max_tokens": 24, "extra_body": {"temperature": 0}}
CALLING = {**OPTIONS, "max_tokens": 64, "tools": [TOOL]}


@pytest.fixture(scope="module")
def client(demo_server):
    with anthropic.Anthropic(base_url=demo_server.listening_address, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def caller(params):
    """A client of a model that calls tools."""
    with (
        xlc.Server(params(models.tiny(models.TINY_TOOLS), n_parallel=1)) as server,
        anthropic.Anthropic(base_url=server.listening_address, api_key="any", max_retries=0) as client,
    ):
        yield client


def test_an_answer(client):
    answer = client.messages.create(messages=QUESTION, system="Be brief.", **OPTIONS)
    assert (answer.type, answer.role) == ("message", "assistant")
    assert answer.content[0].text
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.output_tokens <= 24


def test_a_word_stops_it(client):
    whole = client.messages.create(messages=QUESTION, **OPTIONS).content[0].text
    word = whole.split()[3]
    answer = client.messages.create(messages=QUESTION, stop_sequences=[word], **OPTIONS)
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", word)
    assert whole.startswith(answer.content[0].text)


def test_a_streamed_answer_is_the_same_in_pieces(client):
    whole = client.messages.create(messages=QUESTION, **OPTIONS)
    with client.messages.stream(messages=QUESTION, **OPTIONS) as stream:
        pieces = list(stream.text_stream)
        gathered = stream.get_final_message()
    assert len(pieces) > 5
    assert "".join(pieces) == whole.content[0].text
    assert gathered.content[0].text == whole.content[0].text
    assert gathered.stop_reason == whole.stop_reason
    assert gathered.usage.output_tokens == whole.usage.output_tokens


async def test_streams_are_asynchronous_too(demo_server):
    async with (
        anthropic.AsyncAnthropic(base_url=demo_server.listening_address, api_key="any") as client,
        client.messages.stream(messages=QUESTION, **OPTIONS) as stream,
    ):
        assert "".join([piece async for piece in stream.text_stream])


def test_it_calls_tools_and_takes_what_comes_of_it(caller):
    answer = caller.messages.create(messages=QUESTION, **CALLING)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert (answer.stop_reason, calls[0].name, calls[0].input) == ("tool_use", "get_weather", {"city": "Paris"})
    told = [{"type": "tool_result", "tool_use_id": call.id, "content": "sun"} for call in calls]
    messages = [*QUESTION, {"role": "assistant", "content": answer.content}, {"role": "user", "content": told}]
    assert caller.messages.create(messages=messages, **CALLING).content[0].text == "It is sunny."


def test_streamed_calls_are_the_same_calls_in_pieces(caller):
    whole = caller.messages.create(messages=QUESTION, **CALLING).content
    with caller.messages.stream(messages=QUESTION, **CALLING) as stream:
        gathered = stream.get_final_message().content
    assert [(call.type, call.name, call.input) for call in gathered] == [
        (call.type, call.name, call.input) for call in whole
    ]


def test_tokens_are_counted(client):
    counted = client.messages.count_tokens(model="any", messages=QUESTION).input_tokens
    usage = client.messages.create(messages=QUESTION, **OPTIONS).usage
    assert counted == usage.input_tokens + usage.cache_read_input_tokens


def test_a_wrong_request_is_an_error(client):
    with pytest.raises(anthropic.BadRequestError, match="content"):
        client.messages.create(messages=[{"role": "user"}], **OPTIONS)


def test_a_prompt_that_is_too_long_is_an_error(client):
    with pytest.raises(anthropic.BadRequestError, match="exceeds the available context"):
        client.messages.create(messages=[{"role": "user", "content": "word " * 5000}], **OPTIONS)
