"""The mission's document: every Python snippet in it runs as printed, on the demo model.

The document is not part of the project; where it is not at hand, the tests that read it are skipped.
"""

from __future__ import annotations

import re

import pytest

import xllamacpp as xlc
from python.document import Program, find_document, plain_snippets, programs, run_program

DOCUMENT = find_document()
SNIPPETS = plain_snippets(DOCUMENT.read_text(encoding="utf-8")) if DOCUMENT else []
PROGRAMS = programs(SNIPPETS)

needs_document = pytest.mark.skipif(
    DOCUMENT is None, reason="the document is not here: set XLLAMACPP_DOCUMENT to its file"
)

# Every title with snippets under it, and how many: a snippet that the parser misses, or one too many, fails the test.
SNIPPETS_UNDER = {
    "Configuring Parameters": 1,
    "Environment Variables": 1,
    "Text Completions": 1,
    "Chat Completions": 1,
    "Streaming": 2,
    "Structured Output with JSON Grammar": 1,
    "Method 1: grammar in Request Body": 1,
    "Method 2: json_schema in Request Body": 1,
    "Method 3: response_format (OpenAI-Compatible)": 2,
    "Embeddings": 1,
    "Reranking": 1,
    "Multimodal (Vision)": 1,
    "LoRA Adapters": 1,
    "Reasoning Support": 1,
    "Draft-Model Speculative Decoding": 1,
    "Per-Request Speculative Overrides": 1,
    "N-gram Based Speculative Decoding (No Draft Model)": 1,
    "Request-Level Options": 1,
    "GPU Memory Estimation": 1,
    "System Info & Device Info": 1,
    "Using the OpenAI Python Client": 1,
    "Using requests Directly": 1,
    "Embedding via HTTP": 1,
    "Reranking via HTTP": 1,
    "Code Infill via HTTP": 1,
    "LoRA Adapters via HTTP": 1,
    "Parallel Slots": 1,
    "Prompt Caching": 2,
    "Server Sleep & Wake": 1,
}

# Programs that need more than the demo model: their parameters are set, no server is made.
NEEDS_MORE = {
    "Embeddings": "an embedding model",
    "Reranking": "a model with a rerank head",
    "Multimodal (Vision)": "a vision model and its projector",
    "LoRA Adapters": "a LoRA adapter of the model",
    "Draft-Model Speculative Decoding": "a draft model of the same family",
    "Embedding via HTTP": "an embedding model",
    "Reranking via HTTP": "a model with a rerank head; what continues it, FIM tokens and a LoRA adapter",
}

# Programs that need a function which the package does not have yet.
LATER = {"GPU Memory Estimation": "estimate_gpu_layers"}

# What the document says about a snippet's outcome, checked right after it.
CHAT_IS_JSON = 'assert "answer" in json.loads(result["choices"][0]["message"]["content"]), result'
# The document samples without a seed, so its own answer may be any text, the empty one too; a greedy one may not.
GREEDY = '{"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4, "temperature": 0}'
ANSWERED = (
    'assert result["choices"][0]["finish_reason"] in ("stop", "length")\n'
    f'assert server.handle_chat_completions({GREEDY})["choices"][0]["message"]["content"]'
)
CHECKS = {
    "Text Completions": ANSWERED,
    "Chat Completions": ANSWERED,
    "Streaming": 'assert globals().get("count", 1) == 1',
    "Method 1: grammar in Request Body": CHAT_IS_JSON,
    "Method 2: json_schema in Request Body": CHAT_IS_JSON,
    "Method 3: response_format (OpenAI-Compatible)": CHAT_IS_JSON,
    "N-gram Based Speculative Decoding (No Draft Model)": ANSWERED,
    "System Info & Device Info": "assert devices",
    "Using the OpenAI Python Client": (
        "assert response.choices[0].finish_reason in ('stop', 'length')\n"
        f"assert client.chat.completions.create(model='x', **{GREEDY}).choices[0].message.content"
    ),
    "Using requests Directly": 'assert resp.status_code == 200 and "llamacpp:" in resp.text',
    "Parallel Slots": "assert server.listening_address",
}


def titles(chosen: list[Program]) -> list[str]:
    return [f"{program.title}, line {program.snippets[0].line}" for program in chosen]


def parametrize(chosen: list[Program]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("program", chosen, ids=titles(chosen))


@needs_document
def test_every_snippet_is_found():
    found: dict[str, int] = {}
    for snippet in SNIPPETS:
        found[snippet.title] = found.get(snippet.title, 0) + 1
    assert found == SNIPPETS_UNDER
    assert set(NEEDS_MORE) | set(LATER) | set(CHECKS) <= set(found)


@needs_document
def test_no_line_of_code_is_left_outside():
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    inside = {s.line + n for s in SNIPPETS for n in range(len(s.source.splitlines()))}
    code = re.compile(r"(import|from) \w+|(params|server|result|resp|client|devices|lora)\b[\w.]*( =|\()|print\(")
    assert not [(n, line) for n, line in enumerate(lines, 1) if code.match(line) and n not in inside]


@needs_document
@parametrize([p for p in PROGRAMS if p.title not in {**NEEDS_MORE, **LATER}])
def test_program_runs_as_printed(program, demo_model, tmp_path):
    output = run_program(program.source(CHECKS), demo_model, tmp_path)
    assert output or "print(" not in program.source()


@needs_document
@parametrize([p for p in PROGRAMS if p.title in NEEDS_MORE])
def test_parameters_can_be_set(program, demo_model, tmp_path):
    assert "params." in program.setup
    (tmp_path / "image.png").write_bytes(b"any bytes: the snippet encodes them")
    run_program(program.setup, demo_model, tmp_path)


@needs_document
@pytest.mark.parametrize("title", LATER)
def test_what_is_left_out_is_still_missing(title):
    assert not hasattr(xlc, LATER[title]), f"xllamacpp.{LATER[title]} exists: take {title!r} out of LATER"


# The finder itself, on a text of our own: these run without the document too.

TEXT = """
Install
make
A Title (With Remark)
Some words, and then:
import json
# a comment
value = json.loads(
"[1]"
)
Words between (in brackets) and so on.
for item in value:
if item:
print(item)
print("after")
def double(x):
global last
last = x
return 2 * x
print(double(2))
Another Title
print(json.dumps(value))
"""


def test_finder_keeps_code_and_leaves_prose():
    first, second, third = plain_snippets(TEXT)
    assert [s.title for s in (first, second, third)] == [
        "A Title (With Remark)",
        "A Title (With Remark)",
        "Another Title",
    ]
    assert first.source == 'import json\n# a comment\nvalue = json.loads(\n"[1]"\n)'
    assert second.source == (
        "for item in value:\n    if item:\n        print(item)\n"
        'print("after")\n'
        "def double(x):\n    global last\n    last = x\n    return 2 * x\n"
        "print(double(2))"
    )
    assert third.source == "print(json.dumps(value))"


def test_a_snippet_continues_the_one_that_defines_its_names():
    (program,) = programs(plain_snippets(TEXT))
    assert len(program.snippets) == 3
    assert program.source({"Another Title": "assert True"}).endswith("print(json.dumps(value))\nassert True\n")


def test_imports_come_from_the_nearest_earlier_section():
    first, second = programs(plain_snippets("A Title\nimport os as system\nx = 1\nWords.\nprint(system.sep)\n"))
    assert (first.preamble, second.preamble) == ("", "import os as system")
