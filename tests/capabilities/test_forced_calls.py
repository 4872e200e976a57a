"""Calls that are forced, on a real model: what the grammar promises of them, and not that a tool is well chosen.

The demo model was trained for no tools, and has a template here that knows them. In the chat so far it has called
another tool, with arguments that the schemas of the tools on offer exclude, and then answered in words. Left alone it
calls none.
"""

from __future__ import annotations

import json

import jsonschema
import pytest

import models
import xllamacpp as xlc
from answers import CHAT, MESSAGES, RESPONSES
from capabilities.tools import COLOUR, STOP, anthropic, calls_of, flat, joined_message, message_of

TOOLS = [COLOUR, STOP]
SCHEMAS = {each["function"]["name"]: each["function"]["parameters"] for each in TOOLS}

BEFORE = {"colour": "purple", "level": 40}
QUESTION = "Make the lamp purple."
ANSWER = "The lamp is purple."
LIMIT = 160


@pytest.fixture(scope="module")
def server(params, demo_model):
    with xlc.Server(params(demo_model, n_parallel=1, chat_template=models.SMOLLM2_ACTIONS)) as server:
        yield server


def chat(calls_before=1, **options):
    function = {"name": "set_lamp", "arguments": json.dumps(BEFORE)}
    ids = [f"call_{number}" for number in range(calls_before)]
    messages = [
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": each, "type": "function", "function": function} for each in ids],
        },
        *({"role": "tool", "tool_call_id": each, "content": "done"} for each in ids),
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": QUESTION},
    ]
    return {"messages": messages, "tools": TOOLS, "max_tokens": LIMIT, "temperature": 0, **options}


def responses(**options):
    items = [
        {"role": "user", "content": QUESTION},
        {"type": "function_call", "call_id": "call_0", "name": "set_lamp", "arguments": json.dumps(BEFORE)},
        {"type": "function_call_output", "call_id": "call_0", "output": "done"},
        {"type": "message", "role": "assistant", "content": ANSWER},
        {"role": "user", "content": QUESTION},
    ]
    tools = [flat(each) for each in TOOLS]
    return {"input": items, "tools": tools, "max_output_tokens": LIMIT, "temperature": 0, **options}


def messages(**options):
    use = {"type": "tool_use", "id": "call_0", "name": "set_lamp", "input": BEFORE}
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_0", "content": "done"}]},
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": QUESTION},
    ]
    tools = [anthropic(each) for each in TOOLS]
    return {"messages": turns, "tools": tools, "max_tokens": LIMIT, "temperature": 0, **options}


def check(calls, among=tuple(SCHEMAS)):
    assert calls
    for name, arguments in calls:
        assert name in among
        jsonschema.validate(arguments, SCHEMAS[name])


def test_left_alone_the_model_calls_nothing(server):
    """What the other tests stand on."""
    prompt = server.request("POST", "/apply-template", chat())["prompt"]
    text = server.request("POST", "/completion", {"prompt": prompt, "n_predict": 32, "temperature": 0})["content"]
    assert "<|START_ACTION|>" not in text


@pytest.mark.capability("Tools", "what may, must or must not be called: `tool_choice`")
@pytest.mark.parametrize(
    ("choice", "among"),
    [("required", ("set_colour", "stop")), ({"type": "function", "function": {"name": "stop"}}, ("stop",))],
    ids=["any", "named"],
)
class TestChat:
    def test_a_call_follows_its_schema(self, server, door, choice, among):
        answer = door(server).ask(CHAT, chat(tool_choice=choice))
        check(calls_of(message_of(answer)), among)
        assert answer["choices"][0]["finish_reason"] == "tool_calls"

    def test_streamed_too(self, server, door, choice, among):
        chunks = door(server).stream(CHAT, chat(tool_choice=choice))
        check(calls_of(joined_message(chunks)), among)
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "tool_calls"


@pytest.mark.capability("Tools", "several calls at once: `parallel_tool_calls`")
class TestSeveralCalls:
    """Where two were made at once before."""

    @pytest.fixture(params=["whole", "streamed"])
    def answer(self, request, server, door):
        """Ask for calls, one or several, and return their message and why it ended."""

        def ask(**options):
            body = chat(calls_before=2, tool_choice="required", **options)
            if request.param == "whole":
                answer = door(server).ask(CHAT, body)
                return message_of(answer), answer["choices"][0]["finish_reason"]
            chunks = door(server).stream(CHAT, body)
            return joined_message(chunks), [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1]

        return ask

    def test_each_follows_its_schema(self, answer):
        message, end = answer(parallel_tool_calls=True)
        calls = message["tool_calls"]
        assert len(calls) > 1
        assert len({call["id"] for call in calls}) == len(calls)
        # The grammar sets their number no limit. Where max_tokens does, it may go through the last one.
        whole = calls[:-1] if end == "length" else calls
        check(calls_of({"tool_calls": whole}))

    def test_one_where_no_more_are_allowed(self, answer):
        message, end = answer(parallel_tool_calls=False)
        check(calls_of(message))
        assert (len(message["tool_calls"]), end) == (1, "tool_calls")


@pytest.mark.capability("Tools", "tools of `/v1/responses`")
@pytest.mark.parametrize(
    ("choice", "among"),
    [("required", ("set_colour", "stop")), ({"type": "function", "name": "stop"}, ("stop",))],
    ids=["any", "named"],
)
class TestResponses:
    def test_a_call_follows_its_schema(self, server, door, choice, among):
        answer = door(server).ask(RESPONSES, responses(tool_choice=choice))
        calls = [item for item in answer["output"] if item["type"] == "function_call"]
        check([(call["name"], json.loads(call["arguments"])) for call in calls], among)

    def test_streamed_too(self, server, door, choice, among):
        events = door(server).stream(RESPONSES, responses(tool_choice=choice))
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        (call,) = [item for item in done if item["type"] == "function_call"]
        check([(call["name"], json.loads(call["arguments"]))], among)
        pieces = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
        assert "".join(pieces) == call["arguments"]


@pytest.mark.capability("Tools", "tools of `/v1/messages`")
@pytest.mark.parametrize(
    ("choice", "among"),
    [({"type": "any"}, ("set_colour", "stop")), ({"type": "tool", "name": "stop"}, ("stop",))],
    ids=["any", "named"],
)
class TestMessages:
    def test_a_call_follows_its_schema(self, server, door, choice, among):
        answer = door(server).ask(MESSAGES, messages(tool_choice=choice))
        uses = [part for part in answer["content"] if part["type"] == "tool_use"]
        check([(use["name"], use["input"]) for use in uses], among)
        assert answer["stop_reason"] == "tool_use"

    def test_streamed_too(self, server, door, choice, among):
        events = door(server).stream(MESSAGES, messages(tool_choice=choice))
        begun = [event for event in events if event["type"] == "content_block_start"]
        (use,) = [event for event in begun if event["content_block"]["type"] == "tool_use"]
        deltas = [
            event for event in events if event["type"] == "content_block_delta" and event["index"] == use["index"]
        ]
        arguments = "".join(event["delta"]["partial_json"] for event in deltas)
        check([(use["content_block"]["name"], json.loads(arguments))], among)
