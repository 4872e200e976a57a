"""Tools: which are called, how many, in which form, and what is refused.

TINY_TOOLS says what its script has, which is how it is seen that tools and their results reach the model and what is
made of its calls. What a real model is held to is in test_forced_calls.py.
"""

from __future__ import annotations

import json

import pytest

import models
import xllamacpp as xlc
from answers import CHAT, MESSAGES, RESPONSES, asking
from capabilities.tools import COLOUR, STOP, anthropic, calls_of, flat, joined_message, message_of, tool

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = tool("get_weather", CITY)
QUESTION = "What is the weather like?"


@pytest.fixture(scope="module")
def scripted(params):
    with xlc.Server(params(models.tiny(models.TINY_TOOLS))) as server:
        yield server


PARIS = ("get_weather", {"city": "Paris"})
OSLO = ("get_weather", {"city": "Oslo"})


@pytest.mark.capability("Tools", "calls in an answer: `tools`")
class TestCalls:
    def test_are_told_from_text(self, scripted, door):
        answer = door(scripted).ask(CHAT, asking(CHAT, QUESTION, 64, tools=[WEATHER], parallel_tool_calls=False))
        assert calls_of(message_of(answer)) == [PARIS]
        assert not message_of(answer)["content"]
        assert answer["choices"][0]["finish_reason"] == "tool_calls"

    def test_streamed_deltas_join_to_valid_arguments(self, scripted, door):
        chunks = door(scripted).stream(CHAT, asking(CHAT, QUESTION, 64, tools=[WEATHER], parallel_tool_calls=False))
        assert calls_of(joined_message(chunks)) == [PARIS]
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "tool_calls"

    def test_without_tools_there_are_none(self, scripted, door):
        message = message_of(door(scripted).ask(CHAT, asking(CHAT, QUESTION, 64)))
        assert (message.get("tool_calls"), message["content"]) == (None, "It is sunny.")


@pytest.mark.capability("Tools", "several calls at once: `parallel_tool_calls`")
class TestSeveralCalls:
    @pytest.mark.parametrize(("allowed", "calls"), [(True, [PARIS, OSLO]), (False, [PARIS])])
    def test_as_many_as_are_allowed(self, scripted, door, allowed, calls):
        body = asking(CHAT, QUESTION, 64, tools=[WEATHER], parallel_tool_calls=allowed)
        assert calls_of(message_of(door(scripted).ask(CHAT, body))) == calls

    def test_streamed_each_has_its_number_and_its_id(self, scripted, door):
        body = asking(CHAT, QUESTION, 64, tools=[WEATHER], parallel_tool_calls=True)
        message = joined_message(door(scripted).stream(CHAT, body))
        assert calls_of(message) == [PARIS, OSLO]
        assert len({call["id"] for call in message["tool_calls"]}) == 2


@pytest.mark.capability("Tools", "the results of calls, in a second turn")
class TestResults:
    def turns(self, server, door):
        first = message_of(
            door(server).ask(CHAT, asking(CHAT, QUESTION, 64, tools=[WEATHER], parallel_tool_calls=False))
        )
        (call,) = first["tool_calls"]
        result = {"role": "tool", "tool_call_id": call["id"], "content": "sunny"}
        return [{"role": "user", "content": QUESTION}, first, result]

    def test_reach_the_model(self, scripted, door):
        body = {**asking(CHAT, "", 64, tools=[WEATHER]), "messages": self.turns(scripted, door)}
        message = message_of(door(scripted).ask(CHAT, body))
        assert (message.get("tool_calls"), message["content"]) == (None, "It is sunny.")

    def test_and_the_call_stands_in_the_prompt(self, scripted, door):
        body = {"messages": self.turns(scripted, door), "tools": [WEATHER]}
        prompt = door(scripted).ask("/apply-template", body)["prompt"]
        assert '"city": "Paris"' in prompt.replace('":"', '": "')
        assert "<|tool|>sunny" in prompt


@pytest.mark.capability("Tools", "what may, must or must not be called: `tool_choice`")
class TestChoice:
    TOOLS = (WEATHER, COLOUR, STOP)

    def test_none(self, scripted, door):
        message = message_of(door(scripted).ask(CHAT, asking(CHAT, QUESTION, 32, tools=[WEATHER], tool_choice="none")))
        assert message.get("tool_calls") is None
        assert message["content"]

    def test_auto_leaves_it_to_the_model(self, scripted, door):
        body = asking(CHAT, QUESTION, 64, tools=[WEATHER], tool_choice="auto", parallel_tool_calls=False)
        assert calls_of(message_of(door(scripted).ask(CHAT, body))) == [PARIS]

    def test_a_named_tool_is_the_only_one_left(self, scripted, door):
        choice = {"type": "function", "function": {"name": "get_weather"}}
        body = asking(CHAT, QUESTION, 64, tools=list(self.TOOLS), tool_choice=choice, parallel_tool_calls=False)
        assert calls_of(message_of(door(scripted).ask(CHAT, body))) == [PARIS]
        assert calls_of(joined_message(door(scripted).stream(CHAT, body))) == [PARIS]
        prompt = door(scripted).ask("/apply-template", body)["prompt"]
        assert "set_colour" not in prompt

    def test_required(self, scripted, door):
        body = asking(CHAT, QUESTION, 64, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False)
        assert calls_of(message_of(door(scripted).ask(CHAT, body))) == [PARIS]


class TestOtherPaths:
    """The same through the paths that other providers' clients ask."""

    @pytest.mark.capability("Tools", "tools of `/v1/responses`")
    @pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_weather"}], ids=["any", "named"])
    def test_responses(self, scripted, door, choice):
        body = asking(RESPONSES, QUESTION, 64, tools=[flat(WEATHER), flat(STOP)], tool_choice=choice)
        calls = [item for item in door(scripted).ask(RESPONSES, body)["output"] if item["type"] == "function_call"]
        assert (calls[0]["name"], json.loads(calls[0]["arguments"])) == PARIS

    @pytest.mark.capability("Tools", "tools of `/v1/messages`")
    @pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}], ids=["any", "named"])
    def test_messages(self, scripted, door, choice):
        body = asking(MESSAGES, QUESTION, 64, tools=[anthropic(WEATHER), anthropic(STOP)], tool_choice=choice)
        uses = [part for part in door(scripted).ask(MESSAGES, body)["content"] if part["type"] == "tool_use"]
        assert (uses[0]["name"], uses[0]["input"]) == PARIS

    def test_messages_cannot_be_held_to_a_single_call(self, scripted, door):
        choice = {"type": "any", "disable_parallel_tool_use": True}
        with pytest.raises(xlc.RequestError, match=r"llama\.cpp does not pass disable_parallel_tool_use on") as refused:
            door(scripted).ask(MESSAGES, asking(MESSAGES, QUESTION, 64, tools=[anthropic(WEATHER)], tool_choice=choice))
        assert refused.value.status == 400

    @pytest.mark.capability("Tools", "tools of `/v1/messages`")
    def test_messages_with_the_choice_of_none(self, scripted, door):
        body = asking(MESSAGES, QUESTION, 64, tools=[anthropic(WEATHER)], tool_choice={"type": "none"})
        (part,) = door(scripted).ask(MESSAGES, body)["content"]
        assert part["type"] == "text"


@pytest.mark.capability("Tools", "what is wrong with a tool, and where")
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"tools": {}}, "tools: expected a list"),
        ({"tools": ["get_weather"]}, r"tools\[0\]: expected an object"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\]: expected .*function"),
        ({"tools": [{"type": "retrieval", "function": {"name": "a"}}]}, r"tools\[0\]"),
        ({"tools": [WEATHER, {"type": "function", "function": {}}]}, r"tools\[1\]: its name"),
        ({"tools": [tool("", CITY)]}, r"tools\[0\]: its name"),
        ({"tools": [WEATHER, WEATHER]}, r"tools\[1\]: there is another tool that is named get_weather"),
        ({"tools": [tool("a", [])]}, r"tools\[0\] \(a\): parameters: expected a schema"),
        ({"tools": [tool("a", {"type": "hiccup"})]}, r"tools\[0\] \(a\): parameters: (.|\n)*hiccup"),
        ({"tools": [tool("a", {"$ref": "#/$defs/b"})]}, "leads nowhere"),
        ({"tools": [tool(f"t{i}", CITY) for i in range(129)]}, "at most 128"),
        ({"tools": [WEATHER], "tool_choice": "always"}, 'tool_choice: there is no choice "always"'),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "b"}}}, 'is named "b"'),
        ({"tool_choice": "required"}, "there are no tools"),
        ({"tools": [WEATHER], "parallel_tool_calls": "no"}, "parallel_tool_calls: expected true or false"),
        ({"tools": [WEATHER], "grammar": 'root ::= "a"'}, "grammar"),
    ],
)
def test_bad_tools_are_refused(scripted, door, body, problem):
    with pytest.raises(xlc.RequestError, match=problem) as refused:
        door(scripted).ask(CHAT, asking(CHAT, QUESTION, 8, **body))
    assert refused.value.status == 400


def test_a_template_without_tools_cannot_be_made_to_call_one(demo_server):
    with pytest.raises(xlc.RequestError, match="chat template has no way to call tools") as refused:
        demo_server.request("POST", CHAT, asking(CHAT, QUESTION, 8, tools=[WEATHER], tool_choice="required"))
    assert refused.value.status == 400
