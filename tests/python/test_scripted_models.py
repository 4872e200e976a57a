"""The models of the tests whose words are chosen: what they say shows what has reached them."""

from __future__ import annotations

import json

import pytest

import models
import xllamacpp as xlc
from media import HIGH, LOW, image_part, png, sound_part, wav

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
THOUGHT = "The question is easy, so I think briefly."


@pytest.fixture(scope="module")
def serve(params):
    """Serve a model; each once."""
    servers = {}

    def start(model, **fields):
        key = (model.name, str(fields))
        if key not in servers:
            servers[key] = xlc.Server(params(models.tiny(model), **fields))
        return servers[key]

    yield start
    for server in servers.values():
        server.close()


def chat(server, *parts, **fields):
    """Ask, and return the message of the answer."""
    content = parts if parts and isinstance(parts[0], dict) else "Hello"
    request = {"messages": [{"role": "user", "content": content}], "max_tokens": 64, "temperature": 1, **fields}
    (choice,) = server.handle_chat_completions(request)["choices"]
    return choice["message"]


class TestReasoning:
    """TINY_REASONING."""

    def test_thinks_and_answers(self, serve):
        message = chat(serve(models.TINY_REASONING))
        assert (message["reasoning_content"], message["content"]) == (THOUGHT, "It was forty-two!")

    def test_thinks_in_the_answer_if_nobody_tells_them_apart(self, serve):
        message = chat(serve(models.TINY_REASONING), reasoning_format="none")
        assert message["content"] == f"<think>{THOUGHT}</think>It was forty-two!"

    def test_does_not_think_when_told_not_to(self, serve):
        message = chat(serve(models.TINY_REASONING), chat_template_kwargs={"enable_thinking": False})
        assert (message.get("reasoning_content"), message["content"]) == (None, "It was forty-two!")

    def test_thinks_as_long_as_its_budget_lasts(self, serve):
        server = serve(models.TINY_REASONING)
        message = chat(server, thinking_budget_tokens=4)
        assert (message["reasoning_content"], message["content"]) == ("The question is easy", "It was forty-two!")


class TestTools:
    """TINY_TOOLS."""

    def test_calls_a_tool_once_or_twice(self, serve):
        server = serve(models.TINY_TOOLS)
        for parallel, cities in ((False, ["Paris"]), (True, ["Paris", "Oslo"])):
            calls = chat(server, tools=[WEATHER], parallel_tool_calls=parallel)["tool_calls"]
            assert [call["function"]["name"] for call in calls] == ["get_weather"] * len(cities)
            assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == cities

    def test_answers_without_tools_and_with_their_results(self, serve):
        server = serve(models.TINY_TOOLS)
        assert chat(server)["content"] == "It is sunny."
        question = {"role": "user", "content": "Is it?"}
        call = chat(server, tools=[WEATHER])
        result = {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "sunny"}
        message = chat(server, tools=[WEATHER], messages=[question, call, result])
        assert message["content"] == "It is sunny."
        assert not message.get("tool_calls")


class TestSenses:
    """TINY_WITNESS with its projectors."""

    @pytest.fixture
    def tell(self, serve):
        def ask(*parts, projector=models.TINY_VISION_AND_AUDIO):
            server = serve(models.TINY_WITNESS, mmproj={"path": str(models.tiny(projector))})
            return chat(server, *parts, {"type": "text", "text": "What?"})["content"]

        return ask

    @pytest.mark.parametrize("colour", ["red", "green", "blue"])
    def test_sees_a_colour(self, tell, colour):
        assert tell(image_part(png(colour))) == f"I see {colour}, and hear no tone."

    @pytest.mark.parametrize("colour", ["black", "grey", "white"])
    def test_sees_no_colour(self, tell, colour):
        assert tell(image_part(png(colour))) == "I see nothing, and hear no tone."

    @pytest.mark.parametrize(
        ("hertz", "name"), [(LOW, "a low tone"), (HIGH, "a high tone"), (440, "no tone"), (0, "no tone")]
    )
    def test_hears_a_tone(self, tell, hertz, name):
        assert tell(sound_part(wav(hertz))) == f"I see nothing, and hear {name}."

    def test_sees_and_hears_several(self, tell):
        parts = [image_part(png("blue")), sound_part(wav(HIGH)), image_part(png("red", 300, 200)), sound_part(wav(LOW))]
        assert tell(*parts) == "I see red blue, and hear a low tone a high tone."

    def test_has_one_sense_or_the_other(self, tell):
        assert tell(image_part(png("red")), projector=models.TINY_VISION).startswith("I see red,")
        assert tell(sound_part(wav(LOW)), projector=models.TINY_AUDIO).endswith("hear a low tone.")

    def test_sees_nothing_where_there_is_nothing(self, tell):
        assert tell() == "I see nothing, and hear no tone."
