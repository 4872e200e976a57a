"""JSON schema output through LLGuidance, on the demo model: it proves the constraint, not good answers."""

from __future__ import annotations

import json

import jsonschema
import pytest

import xllamacpp as xlc


def obj(properties, required=None, **more):
    # Strings are bounded so that a small model, which may never want to end one, comes to the end.
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
# Greedy and small as it is, the model would fill a value's place with white space for ever.
for schema in SCHEMAS.values():
    schema["x-guidance"] = {"whitespace_flexible": False}
MESSAGES = [{"role": "user", "content": "Answer with a JSON object."}]


def checked(content, schema):
    parsed = json.loads(content)
    jsonschema.validate(parsed, schema, format_checker=jsonschema.FormatChecker())
    return parsed


def test_there_are_twenty_schemas():
    assert len(SCHEMAS) == 20


@pytest.mark.parametrize("name", SCHEMAS)
def test_output_validates(demo_server, name):
    body = {"messages": MESSAGES, "max_tokens": 200, "temperature": 0, "json_schema": SCHEMAS[name]}
    answer = demo_server.request("POST", "/v1/chat/completions", body)
    assert answer["choices"][0]["finish_reason"] == "stop"
    checked(answer["choices"][0]["message"]["content"], SCHEMAS[name])


def test_all_ways_to_ask_give_the_same(demo_server):
    schema = SCHEMAS["enum"]
    ways = [
        {"grammar": xlc.json_schema_to_grammar(schema)},
        {"json_schema": schema},
        {"response_format": {"type": "json_object", "schema": schema}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
    ]
    contents = []
    for way in ways:
        body = {"messages": MESSAGES, "max_tokens": 100, "temperature": 0, **way}
        contents.append(demo_server.request("POST", "/v1/chat/completions", body)["choices"][0]["message"]["content"])
    assert len({json.dumps(checked(content, schema)) for content in contents}) == 1


def test_the_grammar_is_llguidances(demo_server):
    assert xlc.BUILD_INFO["llguidance"]
    assert xlc.json_schema_to_grammar({"type": "object"}).startswith("%llguidance")
    assert xlc.json_schema_to_grammar('{"type": "object"}') == xlc.json_schema_to_grammar({"type": "object"})


def test_a_schema_that_is_no_json_is_refused():
    with pytest.raises(xlc.ParameterError, match="JSON"):
        xlc.json_schema_to_grammar("{")
