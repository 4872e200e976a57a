"""The official OpenAI SDK: tools, structured answers, Responses, embeddings, errors."""

from __future__ import annotations

import json

import openai
import pytest
from pydantic import BaseModel, Field

import models
import xllamacpp as xlc

QUESTION = "What is the weather like?"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "What the weather is like in a city.", "parameters": CITY}
RESPONSE = {"model": "any", "max_output_tokens": 24, "temperature": 0}
CALLING = {
    **RESPONSE,
    "max_output_tokens": 64,
    "tools": [{"type": "function", **FUNCTION, "strict": True}],
}


class Hero(BaseModel):
    """What a structured answer has to be."""

    name: str = Field(max_length=8)
    age: int = Field(ge=0, le=99)


def connected(server):
    return openai.OpenAI(base_url=server.listening_address + "/v1", api_key="any", max_retries=0)


@pytest.fixture(scope="module")
def client(demo_server):
    with connected(demo_server) as client:
        yield client


@pytest.fixture(scope="module")
def caller(params):
    """A client of a model that calls tools."""
    with xlc.Server(params(models.tiny(models.TINY_TOOLS), n_parallel=1)) as server, connected(server) as client:
        yield client


@pytest.fixture(scope="module")
def encoder(params):
    with xlc.Server(params(models.tiny(models.TINY_ENCODER), n_ctx=512, n_parallel=1, embedding=True)) as server:
        yield server


class TestChat:
    def ask(self, client, messages, **options):
        tools = [{"type": "function", "function": FUNCTION}]
        return client.chat.completions.create(model="any", messages=messages, tools=tools, max_tokens=64, **options)

    def test_it_calls_tools_and_takes_what_comes_of_it(self, caller):
        messages = [{"role": "user", "content": QUESTION}]
        message = self.ask(caller, messages).choices[0].message
        call = message.tool_calls[0]
        assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})
        messages += [message, *({"role": "tool", "tool_call_id": c.id, "content": "sun"} for c in message.tool_calls)]
        assert self.ask(caller, messages).choices[0].message.content == "It is sunny."

    def test_streamed_calls_are_the_same_calls_in_pieces(self, caller):
        messages = [{"role": "user", "content": QUESTION}]
        whole = [call.function for call in self.ask(caller, messages).choices[0].message.tool_calls]
        chunks = list(self.ask(caller, messages, stream=True))
        pieces = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
        for index, function in enumerate(whole):
            own = [piece.function for piece in pieces if piece.index == index]
            assert "".join(piece.name or "" for piece in own) == function.name
            assert "".join(piece.arguments or "" for piece in own) == function.arguments
        assert chunks[-1].choices[0].finish_reason == "tool_calls"

    def test_an_answer_is_parsed_into_a_class(self, client):
        answer = client.chat.completions.parse(
            model="any",
            messages=[{"role": "user", "content": "Who is the hero?"}],
            response_format=Hero,
            max_tokens=64,
            temperature=0,
        )
        assert isinstance(answer.choices[0].message.parsed, Hero)

    def test_probabilities(self, client):
        answer = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Hello"}], max_tokens=2, logprobs=True, top_logprobs=3
        )
        tokens = answer.choices[0].logprobs.content
        assert [len(token.top_logprobs) for token in tokens] == [3, 3]
        assert all(token.logprob <= 0 for token in tokens)

    def test_a_last_chunk_counts_the_tokens(self, client):
        chunks = list(
            client.chat.completions.create(
                model="any",
                messages=[{"role": "user", "content": "Hello"}],
                max_tokens=3,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        assert chunks[-1].choices == []
        assert chunks[-1].usage.completion_tokens == 3


class TestResponses:
    def test_an_answer(self, client):
        answer = client.responses.create(input="Write a story about a robot.", instructions="Be brief.", **RESPONSE)
        assert answer.status == "completed"
        assert answer.output_text
        assert answer.usage.output_tokens == 24

    def test_a_streamed_answer_is_the_same_in_pieces(self, client):
        whole = client.responses.create(input="Write a story about a robot.", **RESPONSE).output_text
        events = list(client.responses.create(input="Write a story about a robot.", stream=True, **RESPONSE))
        assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole
        assert events[-1].response.output_text == whole

    def test_the_sdk_gathers_a_stream(self, client):
        with client.responses.stream(input="Write a story about a robot.", **RESPONSE) as stream:
            deltas = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
            assert deltas[-1] == stream.get_final_response().output_text

    def test_it_calls_tools_and_takes_what_comes_of_it(self, caller):
        asked = [{"role": "user", "content": QUESTION}]
        calls = caller.responses.create(input=asked, **CALLING).output
        assert {(call.type, call.name) for call in calls} == {("function_call", "get_weather")}
        assert json.loads(calls[0].arguments) == {"city": "Paris"}
        told = [{"type": "function_call_output", "call_id": call.call_id, "output": "sun"} for call in calls]
        assert caller.responses.create(input=[*asked, *calls, *told], **CALLING).output_text == "It is sunny."

    def test_the_sdk_gathers_calls_from_a_stream(self, caller):
        whole = caller.responses.create(input=QUESTION, **CALLING).output
        with caller.responses.stream(input=QUESTION, **CALLING) as stream:
            last = [event.snapshot for event in stream if event.type == "response.function_call_arguments.delta"][-1]
            gathered = stream.get_final_response().output
        assert [call.arguments for call in gathered] == [call.arguments for call in whole]
        assert last == whole[-1].arguments

    def test_an_answer_is_taken_back_without_its_type(self, client):
        """OpenAI's documentation sends a conversation so."""
        said = [("user", "Hello"), ("assistant", "Fine."), ("user", "Hello again")]
        untyped = [{"role": role, "content": text} for role, text in said]
        typed = [{"type": "message", **turn} for turn in untyped]
        answers = [client.responses.create(input=turns, **RESPONSE) for turns in (untyped, typed)]
        assert answers[0].output_text == answers[1].output_text
        assert answers[0].usage.input_tokens == answers[1].usage.input_tokens > 20

    def test_tokens_are_counted(self, client):
        counted = client.responses.input_tokens.count(model="any", input="Hello").input_tokens
        assert counted == client.responses.create(input="Hello", **RESPONSE).usage.input_tokens

    def test_what_needs_a_memory_is_refused(self, client):
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            client.responses.create(input="Hello", previous_response_id="resp_1", **RESPONSE)


class TestEmbeddings:
    # The SDK asks for base64 unless it is told otherwise.
    @pytest.mark.parametrize("form", [{}, {"encoding_format": "float"}])
    def test_vectors_are_those_of_this_process(self, encoder, form):
        texts = ["the inn", "on the other"]
        with connected(encoder) as client:
            answer = client.embeddings.create(model="any", input=texts, **form)
        here = encoder.handle_embeddings({"input": texts})["data"]
        for given, expected in zip(answer.data, here, strict=True):
            assert given.index == expected["index"]
            assert given.embedding == pytest.approx(expected["embedding"], abs=1e-6)
        assert answer.usage.prompt_tokens > len(texts)


class TestErrors:
    def test_a_wrong_request(self, client):
        with pytest.raises(openai.BadRequestError, match="unsupported content") as caught:
            client.chat.completions.create(model="any", messages=[{"role": "user", "content": [{"type": "smell"}]}])
        assert caught.value.body["type"] == "invalid_request_error"

    def test_a_prompt_that_is_too_long(self, client):
        with pytest.raises(openai.BadRequestError, match="exceeds the available context") as caught:
            client.completions.create(model="any", prompt="word " * 5000)
        assert caught.value.body["type"] == "exceed_context_size_error"
        assert caught.value.body["n_prompt_tokens"] > caught.value.body["n_ctx"]

    def test_what_is_not_there(self, client):
        with pytest.raises(openai.NotFoundError):
            client.get("/no/such/path", cast_to=object)

    def test_what_is_not_switched_on(self, client):
        with pytest.raises(openai.InternalServerError, match="--embeddings") as caught:
            client.embeddings.create(model="any", input="Hello")
        assert caught.value.status_code == 501
