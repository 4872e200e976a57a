"""Schemas that would take a server down: each is refused or answered, soon, in little memory, and the server goes on.

Soon is within a patience that is far above what any of them takes, and far below what llama.cpp and LLGuidance would
take for some. Others would end the process, and with it the tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pytest

import models
import xllamacpp as xlc
from answers import CHAT, COMPLETION, COMPLETIONS, MESSAGES, RESPONSES, asking
from capabilities.hostile_schemas import BORNE, NESTED, REFUSED, nested

PATIENCE_S = 120
ROOM = 1_500_000_000

TOOLS = '[{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]'


@pytest.fixture(scope="module")
def tools_server(demo_model, params):
    """The demo model, with a chat template that has tools."""
    with xlc.Server(params(demo_model, n_ctx=4096, chat_template=models.SMOLLM2_TOOLS)) as server:
        yield server


@pytest.fixture(autouse=True)
def _little_memory():
    """Look that a test took no gigabytes on its way (Linux: the peak can be set back)."""
    status, clear = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not clear.exists():
        yield
        return
    clear.write_text("5")
    before = _kilobytes(status, "VmRSS")
    yield
    assert (_kilobytes(status, "VmHWM") - before) * 1024 < ROOM


def _kilobytes(status, field):
    (line,) = [line for line in status.read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1])


def body_of(path, schema, **options):
    """Write a request as text: Python's own JSON cannot write the deepest schemas."""
    whole = {**asking(path, "Hello", 4), **options}
    return json.dumps(whole).replace('"SCHEMA"', schema)


WISHES = {
    "json_schema": {"json_schema": "SCHEMA"},
    "tools": {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": "SCHEMA"}}],
        "tool_choice": "required",
    },
}


def ask(server, path, body):
    """Return the refusal, or None where there is an answer."""
    try:
        server.request("POST", path, body, timeout=PATIENCE_S)
    except xlc.RequestError as refused:
        return refused
    return None


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("name", [*NESTED, *REFUSED])
def test_refused(tools_server, wish, name):
    schema = NESTED.get(name) or REFUSED[name]
    refused = ask(tools_server, CHAT, body_of(CHAT, schema, **WISHES[wish]))
    assert refused is not None
    assert refused.status == 400
    # It says what of it is too much, and does not send the schema back.
    assert len(str(refused)) < 2000
    assert tools_server.request("GET", "/health") == {"status": "ok"}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("name", BORNE)
def test_borne(tools_server, wish, name):
    refused = ask(tools_server, CHAT, body_of(CHAT, BORNE[name], **WISHES[wish]))
    # 500: LLGuidance finds out on its way that it is too much.
    assert refused is None or (refused.status in (400, 500) and len(str(refused)) < 2000)
    assert tools_server.request("GET", "/health") == {"status": "ok"}


FEW = {
    "deep": NESTED["10,000 properties deep"],
    "circle": REFUSED["refers to itself in two steps"],
    "long": REFUSED["a chain of 20,000 objects"],
    "wide": REFUSED["100,000 properties"],
}
PATHS = {
    "chat": (CHAT, {"json_schema": "SCHEMA"}),
    "chat, format": (CHAT, {"response_format": {"type": "json_schema", "json_schema": {"schema": "SCHEMA"}}}),
    "chat, tools": (CHAT, WISHES["tools"]),
    "completions": (COMPLETIONS, {"response_format": {"type": "json_object", "schema": "SCHEMA"}}),
    "completion": (COMPLETION, {"json_schema": "SCHEMA"}),
    "responses": (RESPONSES, {"text": {"format": {"type": "json_schema", "name": "x", "schema": "SCHEMA"}}}),
    "responses, tools": (RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": "SCHEMA"}]}),
    "messages, tools": (MESSAGES, {"tools": [{"name": "f", "input_schema": "SCHEMA"}]}),
}
OTHERS = {
    "apply-template": ("/apply-template", WISHES["tools"]),
    "chat, counted": ("/v1/chat/completions/input_tokens", WISHES["tools"]),
    "messages, counted": ("/v1/messages/count_tokens", PATHS["messages, tools"][1]),
    "responses, counted": ("/v1/responses/input_tokens", PATHS["responses, tools"][1]),
}


@pytest.mark.capability("Structured output", "schemas that would take a server down are refused")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", FEW)
def test_refused_on_every_path(tools_server, door, path, name):
    route, wish = PATHS[path]
    with pytest.raises(xlc.RequestError) as refused:
        door(tools_server).ask(route, body_of(route, FEW[name], **wish))
    assert refused.value.status == 400
    assert tools_server.request("GET", "/health") == {"status": "ok"}


@pytest.mark.parametrize("path", OTHERS)
@pytest.mark.parametrize("name", FEW)
def test_refused_where_nothing_is_generated(tools_server, path, name):
    route, wish = OTHERS[path]
    kind = {"/v1/messages/count_tokens": MESSAGES, "/v1/responses/input_tokens": RESPONSES}.get(route, CHAT)
    body = json.dumps({**asking(kind, "Hello", 4), **wish}).replace('"SCHEMA"', FEW[name])
    refused = ask(tools_server, route, body)
    assert refused is not None
    assert refused.status == 400


@pytest.mark.skipif(xlc.BUILD_INFO["llguidance"] is None, reason="this build has no LLGuidance")
@pytest.mark.parametrize("name", FEW)
def test_refused_inside_a_grammar(tools_server, name):
    grammar = f"%llguidance {{}}\nstart: %json {FEW[name]}"
    refused = ask(tools_server, COMPLETION, json.dumps(asking(COMPLETION, "Hello", 4, grammar=grammar)))
    assert refused is not None
    assert refused.status == 400


@pytest.mark.parametrize("name", [*NESTED, *REFUSED])
@pytest.mark.parametrize("gbnf", [False, True])
def test_refused_before_there_is_a_server(name, gbnf):
    if name == "a million ways to join" and not gbnf:
        pytest.skip("LLGuidance counts those when the grammar is used")
    schema = NESTED.get(name) or REFUSED[name]
    with pytest.raises(xlc.ParameterError):
        xlc.json_schema_to_grammar(schema, gbnf=gbnf)


class TestBodies:
    """JSON that no schema is in, of the same kind."""

    BODIES: ClassVar = {
        "a body of 10,000 levels": '{"prompt": "a", "x": ' + nested("[", "]", 10_000, "") + "}",
        "a body never closed": "[" * 50_000_000,
        "200,000 members": json.dumps({"prompt": "a", "n_predict": 1, **{f"x{i}": 0 for i in range(200_000)}}),
        "5,000,000 values": '{"prompt": "a", "x": [' + "0," * 5_000_000 + "0]}",
    }

    @pytest.mark.parametrize("name", BODIES)
    def test_is_refused(self, tools_server, door, name):
        with pytest.raises(xlc.RequestError) as refused:
            door(tools_server).ask(COMPLETION, self.BODIES[name])
        assert refused.value.status == 400
        assert tools_server.request("GET", "/health") == {"status": "ok"}

    def test_the_arguments_of_an_earlier_call_too(self, tools_server):
        call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": nested("[", "]", 100_000, "")}}
        messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
        refused = ask(tools_server, CHAT, json.dumps({"messages": messages, "max_tokens": 4}))
        assert refused is not None
        assert refused.status == 400

    @pytest.mark.parametrize("name", ["chat_parser", "chat_format"])
    def test_what_llama_cpp_hands_from_stage_to_stage_is_refused(self, tools_server, name):
        refused = ask(tools_server, COMPLETION, json.dumps({**asking(COMPLETION, "a", 4), name: "{}"}))
        assert refused is not None
        assert refused.status == 400
