"""The OpenAPI document: valid, whole, and its parts a document of their own kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML

import models
import xllamacpp as xlc
from xllamacpp.openapi import document

METHODS = {"get", "post", "delete"}


@pytest.fixture(scope="module")
def whole():
    return document()


def operations(whole):
    for path, item in whole["paths"].items():
        for method in item.keys() & METHODS:
            yield f"{method.upper()} {path}", item[method]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == "$ref" and isinstance(inner, str) else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_valid(whole):
    assert not [str(error) for error in OpenAPIV31SpecValidator(whole).iter_errors()]


def test_it_has_every_route_and_no_other(whole, params):
    with xlc.Server(params(models.tiny(models.TINY), n_parallel=1)) as server:
        routes = {re.sub(r":(\w+)", r"{\1}", line) for line in server.routes}
    assert {name for name, _ in operations(whole)} == routes


def test_everything_that_is_defined_is_referred_to(whole):
    defined = {
        f"#/components/{kind}/{name}"
        for kind, named in whole["components"].items()
        for name in named
        if kind != "securitySchemes"
    }
    assert set(references(whole)) == defined


def test_every_operation_says_what_it_is_and_goes_by_a_name_of_its_own(whole):
    identifiers = [operation["operationId"] for _, operation in operations(whole)]
    assert len(identifiers) == len(set(identifiers))
    tags = {tag["name"] for tag in whole["tags"]}
    for name, operation in operations(whole):
        assert operation["summary"], name
        assert set(operation["tags"]) <= tags, name


def test_every_operation_that_needs_a_key_says_what_happens_without(whole):
    public = {name for name, operation in operations(whole) if operation.get("security") == []}
    assert public == {"GET /health", "GET /v1/health"}
    for name, operation in operations(whole):
        assert ("401" in operation["responses"]) == (name not in public), name
        assert "503" in operation["responses"], name


def test_no_two_parts_define_the_same():
    seen = set()
    for file in resources.files("xllamacpp.openapi").iterdir():
        if file.name.endswith(".yaml"):
            part = YAML(typ="safe").load(file.read_text("utf-8"))
            names = [*part.get("paths", ()), *part.get("aliases", ())]
            names += [f"{kind} {name}" for kind, named in part.get("components", {}).items() for name in named]
            assert not seen.intersection(names), file.name
            seen.update(names)


def test_what_is_given_is_the_callers_own(whole):
    mine = document()
    mine["paths"].clear()
    assert document() == whole
    # No part of it is another part too: changing one path changes one path.
    text = json.dumps(whole)
    whole["paths"]["/v1/completions"]["post"]["summary"] = "changed"
    assert json.dumps(whole).count("changed") - text.count("changed") == 1
