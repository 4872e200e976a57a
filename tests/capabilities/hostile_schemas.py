"""JSON schemas that a server must not go down over, nor think about for long."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def nested(before: str, after: str, levels: int, inside: str = "{}") -> str:
    """Nest a text in itself."""
    return before * levels + inside + after * levels


def _chain(link: Callable[[int, dict[str, Any]], dict[str, Any]], links: int) -> dict[str, Any]:
    """Make definitions that each refer to the next one."""
    definitions = {f"d{i}": link(i, {"$ref": f"#/$defs/d{i + 1}"}) for i in range(links)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{links}": {"type": "object", "properties": {"x": {}}}}}


def _text(value: object) -> str:
    return json.dumps(value)


def _properties(count: int, schema: Any) -> dict[str, Any]:
    return {f"p{i}": schema for i in range(count)}


def _any_of_each(count: int) -> list[dict[str, Any]]:
    return [
        {"anyOf": [{"type": "object", "properties": {f"k{i}": {"const": j}}} for j in (0, 1)]} for i in range(count)
    ]


NESTED = {
    "10,000 properties deep": nested('{"type":"object","properties":{"a":', "}}", 10_000),
    "10,000 items deep": nested('{"type":"array","items":', "}", 10_000),
    "10,000 alternatives deep": nested('{"anyOf":[', "]}", 10_000),
    "a constant of 10,000 levels": '{"const":' + nested("[", "]", 10_000, "") + "}",
    "a list never closed": "[" * 1_000_000,
}
"""Nested deeper than code that follows it down can bear; as texts, since Python's own JSON cannot write them."""

REFUSED = {
    "refers to itself": _text({"$ref": "#"}),
    "refers to itself in two steps": _text(
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    ),
    "chooses itself": _text({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
    "joins itself": _text({"allOf": [{"$ref": "#"}, {"type": "object"}]}),
    "leads nowhere": _text({"$ref": "#/$defs/a"}),
    "leads out": _text({"$ref": "https://example.com/schema.json"}),
    "a chain of 20,000 references": _text(_chain(lambda i, next_one: next_one, 20_000)),
    "a chain of 20,000 objects": _text(_chain(lambda i, next_one: {"properties": {"x": next_one}}, 20_000)),
    "a chain of 20,000 joints": _text(_chain(lambda i, next_one: {"allOf": [next_one, {"title": "x"}]}, 20_000)),
    "a million values": _text({"enum": [f"value number {i}" for i in range(1_000_000)]}),
    "50 MB": _text({"enum": [f"{i:049}" for i in range(1_000_000)]}),
    "50 MB of words about it": _text({"type": "null", "description": "x" * 50_000_000}),
    "100,000 properties": _text({"type": "object", "properties": _properties(100_000, {"type": "null"})}),
    "10,000 optional properties": _text({"type": "object", "properties": _properties(10_000, {"type": "null"})}),
    "100,000 names required": _text({"type": "object", "required": list(_properties(100_000, {}))}),
    "1,000 patterns of names": _text(
        {"type": "object", "patternProperties": {f"^{i:04}[a-z]*$": {"type": "null"} for i in range(1000)}}
    ),
    "at least 5 and at most 3": _text({"type": "array", "items": {"type": "null"}, "minItems": 5, "maxItems": 3}),
    "multiples of large primes": _text(
        {"allOf": [{"type": "integer", "multipleOf": prime} for prime in (9973, 9967, 9949, 9941)]}
    ),
    "a multiple of a million": _text({"type": "integer", "multipleOf": 1_000_003}),
    "a pattern of a megabyte": _text({"type": "string", "pattern": "^" + "ab" * 500_000 + "$"}),
    "a type named twice, 60 deep": nested('{"type":["object","object"],"properties":{"a":', "}}", 60),
    "a million ways to join": _text({"allOf": _any_of_each(40)}),
}
"""Refused, whatever the grammar is made by."""

BORNE = {
    "60 deep": nested('{"type":"object","properties":{"a":', "}}", 60),
    "a billion items": _text({"type": "array", "items": {"type": "null"}, "maxItems": 10**9}),
    "a billion characters": _text({"type": "string", "maxLength": 10**9}),
    "two to the 60 ways through its references": _text(_chain(lambda i, next_one: {"anyOf": [next_one, next_one]}, 60)),
    "two to the 60 copies of what it joins": _text(
        _chain(lambda i, next_one: {"type": "object", "properties": {"x": {"allOf": [next_one, next_one]}}}, 60)
    ),
    "joins what holds itself": _text(
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"type": "object", "properties": {"x": {"allOf": [{"$ref": "#/$defs/a"}]}}}},
        }
    ),
    "10,000 values": _text({"enum": [f"value number {i}" for i in range(10_000)]}),
    "1,000 properties": _text(
        {"type": "object", "properties": _properties(1000, {"type": "null"}), "required": list(_properties(1000, {}))}
    ),
    "1,000 optional properties": _text({"type": "object", "properties": _properties(1000, {"type": "null"})}),
    "a pattern that backtracks": _text({"type": "string", "pattern": "^(a+)+$"}),
    "a pattern that repeats repetitions": _text(
        {"type": "string", "pattern": "^((((a{1,100}){1,100}){1,100}){1,100})$"}
    ),
    "a pattern that repeats a million times": _text({"type": "string", "pattern": "^a{1000000}$"}),
    "a pattern that repeats backwards": _text({"type": "string", "pattern": "^a{5,3}$"}),
    "a pattern nested 10,000 deep": _text({"type": "string", "pattern": "^" + nested("(", ")", 4_000, "a") + "$"}),
    "patterns that must all match": _text(
        {"allOf": [{"type": "string", "pattern": f"^.*{c}.{{20}}$"} for c in "abcdefgh"]}
    ),
    "1,000 ways to join": _text({"allOf": _any_of_each(10)}),
    "2,000 ways to join": _text({"allOf": _any_of_each(11)}),
    "900 addresses": _text(
        {
            "type": "object",
            "properties": {f"p{i}": {"type": "string", "format": "uri", "maxLength": 100 + i} for i in range(900)},
            "required": list(_properties(900, {})),
        }
    ),
    "3,000 ranges": _text(
        {
            "type": "object",
            "properties": {
                f"o{j}": {
                    "type": "object",
                    "properties": {f"p{i}": {"type": "number", "minimum": -i - 0.37 * j} for i in range(900)},
                    "required": list(_properties(900, {})),
                }
                for j in range(3)
            },
            "required": ["o0", "o1", "o2"],
        }
    ),
    "names of 10,000 characters": _text(
        {"type": "object", "properties": {"$" * 10_000: {"type": "null"}}, "additionalProperties": {"type": "null"}}
    ),
}
"""Answered or refused; which of the two depends on what the grammar is made by."""
