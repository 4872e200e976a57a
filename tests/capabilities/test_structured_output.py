"""JSON output by a schema, on the demo model: it proves the constraint, not good answers.

In a build without LLGuidance (`nox -s gbnf`) the schemas go through llama.cpp's own grammars, and the same is asked.
"""

from __future__ import annotations

import json
from typing import ClassVar

import jsonschema
import pytest

import xllamacpp as xlc
from answers import CHAT, COMPLETION, COMPLETIONS, RESPONSES, asking, joined, text_of
from xllamacpp import BUILD_INFO


def obj(properties, required=None, **more):
    # Texts are bounded so that a small model, which may never want to end one, comes to the end.
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
        **more,
    }


TEXT = {"type": "string", "maxLength": 12}
SCHEMAS = {
    "string": obj({"a": TEXT}),
    "integer": obj({"a": {"type": "integer", "minimum": 0, "maximum": 1000}}),
    "number": obj({"a": {"type": "number", "minimum": -1, "maximum": 1, "multipleOf": 0.25}}),
    "boolean": obj({"a": {"type": "boolean"}, "b": {"type": "boolean"}}),
    "null": obj({"a": {"type": "null"}}),
    "enum": obj({"a": {"enum": ["red", "green", "blue"]}}),
    "const": obj({"a": {"const": "fixed"}, "b": {"const": 7}}),
    "array": obj({"a": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 3}}),
    "tuple": obj(
        {
            "a": {
                "type": "array",
                "prefixItems": [{"type": "integer", "maximum": 99}, TEXT],
                "minItems": 2,
                "items": False,
            }
        }
    ),
    "nested": obj({"a": obj({"b": obj({"c": {"type": "boolean"}})})}),
    "optional": obj({"a": TEXT, "b": {"type": "boolean"}}, required=["b"]),
    "any of": obj({"a": {"anyOf": [{"type": "boolean"}, {"const": "none"}]}}),
    "type list": obj({"a": {"type": ["boolean", "null"]}}),
    "pattern": obj({"a": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"}}),
    "date": obj({"a": {"type": "string", "format": "date"}}),
    "uuid": obj({"a": {"type": "string", "format": "uuid"}}),
    "length": obj({"a": {"type": "string", "minLength": 3, "maxLength": 5}}),
    "reference": obj({"a": {"$ref": "#/$defs/flag"}}, **{"$defs": {"flag": {"type": "boolean"}}}),
    "all of": obj({"a": {"allOf": [{"type": "integer"}, {"minimum": 5}, {"maximum": 9}]}}),
    "top array": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 4},
}
# What GBNF cannot express, and the keyword that is named when it is asked to.
NOT_IN_GBNF = {"number": "minimum", "tuple": "prefixItems", "all of": "allOf"}
# GBNF puts the properties that are required first, so the model has something else before it.
IN_ANOTHER_ORDER = {"optional"}
POSSIBLE = [name for name in SCHEMAS if BUILD_INFO["llguidance"] or name not in NOT_IN_GBNF]

PROMPT = "Answer with a JSON object."
FLAG = SCHEMAS["enum"]


def checked(text, schema):
    parsed = json.loads(text)
    jsonschema.validate(parsed, schema, format_checker=jsonschema.FormatChecker())
    return parsed


def answer_by(server, **way):
    answer = server.request("POST", CHAT, asking(CHAT, PROMPT, 200, **way))
    assert answer["choices"][0]["finish_reason"] == "stop"
    return text_of(CHAT, answer)


def test_there_are_twenty_schemas():
    assert len(SCHEMAS) == 20


@pytest.mark.parametrize("name", POSSIBLE)
def test_output_validates(demo_server, name):
    checked(answer_by(demo_server, json_schema=SCHEMAS[name]), SCHEMAS[name])


@pytest.mark.parametrize("name", sorted(SCHEMAS.keys() - NOT_IN_GBNF.keys()))
def test_llama_cpps_own_grammars_give_the_same(demo_server, name):
    grammar = xlc.json_schema_to_grammar(SCHEMAS[name], gbnf=True)
    own = checked(answer_by(demo_server, grammar=grammar), SCHEMAS[name])
    if name not in IN_ANOTHER_ORDER:
        assert own == json.loads(answer_by(demo_server, json_schema=SCHEMAS[name]))


@pytest.mark.parametrize("name", NOT_IN_GBNF)
def test_what_llama_cpps_own_grammars_would_drop_is_refused(name):
    with pytest.raises(xlc.ParameterError, match=rf"#/properties/a: {NOT_IN_GBNF[name]} .*GBNF"):
        xlc.json_schema_to_grammar(SCHEMAS[name], gbnf=True)


@pytest.mark.skipif(BUILD_INFO["llguidance"] is not None, reason="this build has LLGuidance")
@pytest.mark.parametrize("name", NOT_IN_GBNF)
def test_a_build_without_llguidance_refuses_what_it_would_drop(demo_server, name):
    with pytest.raises(xlc.RequestError, match="GBNF") as refusal:
        answer_by(demo_server, json_schema=SCHEMAS[name])
    assert refusal.value.status == 400


WAYS = {
    "json_schema": {"json_schema": FLAG},
    "response_format json_object": {"response_format": {"type": "json_object", "schema": FLAG}},
    "response_format json_schema": {"response_format": {"type": "json_schema", "json_schema": {"schema": FLAG}}},
    "response_format json_schema, flat": {"response_format": {"type": "json_schema", "schema": FLAG}},
}


@pytest.mark.capability("Structured output", "a JSON schema: `json_schema`, `response_format`")
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, COMPLETION])
class TestWays:
    @pytest.mark.parametrize("way", WAYS)
    def test_output_validates(self, demo_server, door, path, way):
        answer = door(demo_server).ask(path, asking(path, PROMPT, 100, **WAYS[way]))
        checked(text_of(path, answer), FLAG)

    @pytest.mark.parametrize("way", ["json_schema", "response_format json_schema"])
    def test_streamed_output_validates_when_joined(self, demo_server, door, path, way):
        chunks = door(demo_server).stream(path, asking(path, PROMPT, 100, **WAYS[way]))
        assert len(chunks) > 2
        checked(joined(path, chunks), FLAG)


@pytest.mark.capability("Structured output", "a JSON schema: `text.format` of `/v1/responses`")
class TestResponses:
    FORMAT: ClassVar = {"text": {"format": {"type": "json_schema", "name": "colour", "schema": FLAG, "strict": True}}}

    def test_output_validates(self, demo_server, door):
        answer = door(demo_server).ask(RESPONSES, asking(RESPONSES, PROMPT, 100, **self.FORMAT))
        checked(text_of(RESPONSES, answer), FLAG)

    def test_streamed_output_validates_when_joined(self, demo_server, door):
        chunks = door(demo_server).stream(RESPONSES, asking(RESPONSES, PROMPT, 100, **self.FORMAT))
        checked(joined(RESPONSES, chunks), FLAG)

    @pytest.mark.skipif(BUILD_INFO["llguidance"] is None, reason="GBNF cannot express it")
    def test_the_schema_goes_to_llguidance(self, demo_server):
        schema = SCHEMAS["all of"]
        answer = demo_server.request(
            "POST",
            RESPONSES,
            asking(RESPONSES, PROMPT, 100, text={"format": {"type": "json_schema", "name": "x", "schema": schema}}),
        )
        checked(text_of(RESPONSES, answer), schema)


@pytest.mark.capability("Structured output", "any JSON object: `response_format` without a schema")
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, COMPLETION])
def test_json_object_without_a_schema_is_an_object(demo_server, door, path):
    body = asking(path, PROMPT, 200, response_format={"type": "json_object"})
    text = text_of(path, door(demo_server).ask(path, body)).strip()
    # What the model makes of it may be longer than what it is allowed.
    assert text.startswith("{")


def test_all_ways_to_ask_give_the_same(demo_server):
    ways = [*WAYS.values(), {"grammar": xlc.json_schema_to_grammar(FLAG)}]
    assert len({answer_by(demo_server, **way) for way in ways}) == 1


def test_a_format_without_a_schema_leaves_json_schema_its_say(demo_server):
    checked(answer_by(demo_server, json_schema=FLAG, response_format={"type": "json_object"}), FLAG)


def test_text_is_no_constraint(demo_server):
    free = answer_by(demo_server, response_format={"type": "text"}, stop=["."])
    assert free == answer_by(demo_server, stop=["."])


@pytest.mark.skipif(BUILD_INFO["llguidance"] is None, reason="this build has no LLGuidance")
def test_the_grammar_is_llguidances():
    assert xlc.json_schema_to_grammar({"type": "object"}).startswith("%llguidance")
    assert xlc.json_schema_to_grammar('{"type": "object"}') == xlc.json_schema_to_grammar({"type": "object"})


def test_llama_cpps_own_grammar_can_be_had_too():
    assert "root ::=" in xlc.json_schema_to_grammar({"type": "object"}, gbnf=True)


@pytest.mark.parametrize("schema", ["{", "[]", "7"])
def test_what_is_no_schema_is_refused(schema):
    with pytest.raises(xlc.ParameterError, match=r"JSON|object"):
        xlc.json_schema_to_grammar(schema)
