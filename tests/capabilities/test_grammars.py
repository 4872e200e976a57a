"""Grammars of a client's own, in LLGuidance's Lark and in llama.cpp's GBNF, on the demo model, and what is refused."""

from __future__ import annotations

import re
from typing import ClassVar

import pytest

import models
import xllamacpp as xlc
from answers import CHAT, COMPLETION, COMPLETIONS, MESSAGES, RESPONSES, asking, joined, text_of
from xllamacpp import BUILD_INFO

PROMPT = "How are you?"
GBNF = r"""
root   ::= mood ", " times{2} "." # a comment
mood   ::= "fine" | "so-so"
times  ::= [0-9]+ " o'clock "
"""
LARK = r"""%llguidance {}
start: mood ", " TIME TIME "."
mood: "fine" | "so-so"
TIME: /[0-9]{1,3}/ " o'clock "
"""
FORM = re.compile(r"(fine|so-so), ([0-9]+ o'clock ){2}\.")
# Of one digit each, so that a model that likes digits comes to the end.
GBNF = GBNF.replace("[0-9]+", "[0-9]")

needs_llguidance = pytest.mark.skipif(BUILD_INFO["llguidance"] is None, reason="this build has no LLGuidance")
each_path = pytest.mark.parametrize("path", [CHAT, COMPLETIONS, COMPLETION, RESPONSES])
LANGUAGES = [
    pytest.param(
        LARK,
        id="Lark",
        marks=[needs_llguidance, pytest.mark.capability("Structured output", "`grammar` in LLGuidance's Lark")],
    ),
    pytest.param(GBNF, id="GBNF", marks=pytest.mark.capability("Structured output", "`grammar` in llama.cpp's GBNF")),
]


def refusal(server, path, body):
    with pytest.raises(xlc.RequestError) as refused:
        server.request("POST", path, body)
    return refused.value


@each_path
@pytest.mark.parametrize("grammar", LANGUAGES)
class TestGrammar:
    def test_shapes_the_answer(self, demo_server, door, path, grammar):
        answer = door(demo_server).ask(path, asking(path, PROMPT, 64, grammar=grammar))
        assert FORM.fullmatch(text_of(path, answer))

    def test_shapes_a_streamed_answer(self, demo_server, door, path, grammar):
        chunks = door(demo_server).stream(path, asking(path, PROMPT, 64, grammar=grammar))
        assert FORM.fullmatch(joined(path, chunks))


def test_a_grammar_with_tokens_that_stand_for_bytes_and_blanks(params):
    """The tiny model's tokens begin with a blank that a text may not have here, and spell bytes."""
    with xlc.Server(params(models.tiny(models.TINY))) as server:
        for grammar in [LARK, GBNF] if BUILD_INFO["llguidance"] else [GBNF]:
            answer = server.request("POST", COMPLETION, asking(COMPLETION, "a", 100, grammar=grammar))
            assert FORM.fullmatch(answer["content"])


@needs_llguidance
def test_servers_with_other_vocabularies_do_not_share_a_tokenizer(demo_server, params):
    for _ in range(2):
        # The second one may well be where the first one was.
        with (
            xlc.Server(params(models.tiny(models.TINY))) as tiny,
            xlc.Server(params(models.tiny(models.TINY_OTHER_VOCABULARY))) as other,
        ):
            for server in (demo_server, tiny, other):
                answer = server.request("POST", COMPLETION, asking(COMPLETION, "a", 100, grammar=LARK))
                assert FORM.fullmatch(answer["content"])


@pytest.mark.capability("Structured output", "what is wrong with a grammar, and where")
@each_path
class TestRefusals:
    @pytest.mark.parametrize(
        ("grammar", "where"),
        [
            ('root ::= "a" (b\nb ::= "c"', r"line 2, column 3: expected \) at the end of a group, found ':'"),
            ('root ::= "a"\nb = "c"', "line 2, column 3: expected ::= after the name of a rule, found '='"),
            ('root ::= b\n\n  c ::= "x"', "line 1, column 10: there is no rule that is named b"),
            ('rot ::= "a"', "no rule that is named root"),
            ('root ::= "a" [b-', "line 1, column 14: a set of characters begins here and has no end"),
            ('root ::= "\\q"', "line 1, column 11: there is no such escape"),
            ('root ::= "a"{5,3}', "line 1, column 13: a repetition of at least 5 and at most 3"),
            ('root ::= "a"{9999}', "line 1, column 13: too many repetitions"),
            ('root ::= root "a" | "b"', r"line 1, column 1: the rule root comes back to itself"),
            ('root ::= x root "a" | "b"\nx ::= "y"*', "the rule root comes back to itself"),
            ("root ::= " + "(" * 5000 + '"a"' + ")" * 5000, "groups nest too deep"),
            ("\n".join(["root ::= r0"] + [f"r{i} ::= r{i + 1}" for i in range(20000)]), "too many rules"),
            ('root ::= ((("a"{1,100}){1,100}){1,100}){1,100}', "too many repetitions"),
        ],
    )
    def test_gbnf(self, demo_server, door, path, grammar, where):
        with pytest.raises(xlc.RequestError, match=where) as refused:
            door(demo_server).ask(path, asking(path, PROMPT, 8, grammar=grammar))
        assert refused.value.status == 400

    @needs_llguidance
    @pytest.mark.parametrize(
        ("grammar", "where"),
        [
            ('start: "a" | | )', r"2\(16\).*expecting"),
            ("start: thing", 'unknown name: "thing"'),
            ('begin: "a"', "no start rule"),
            ("start: /(/", r"2\(8\): invalid regex"),
            ('start: %json {"type": "hiccup"}', "hiccup"),
            ('start: %json {"type": "object", }', "trailing comma"),
            ("start: A\nA: /a.*/ & /.*b/", "line 3: & is not taken"),
            ("start: A\nA: ~/a.*/", "line 3: ~ is not taken"),
            ("\n".join(["start: r0"] + [f"r{i}: r{i + 1}" for i in range(20000)]), "too many rules"),
            ("start: " + "(" * 100000, "too many rules and groups"),
            ("start: %json " + '{"not":' * 10000 + "{}" + "}" * 10000, "deeper than"),
        ],
    )
    def test_lark(self, demo_server, door, path, grammar, where):
        with pytest.raises(xlc.RequestError, match=where) as refused:
            door(demo_server).ask(path, asking(path, PROMPT, 8, grammar="%llguidance {}\n" + grammar))
        assert refused.value.status == 400

    def test_streamed(self, demo_server, door, path):
        with pytest.raises(xlc.RequestError, match="line 1") as refused:
            door(demo_server).stream(path, asking(path, PROMPT, 8, grammar='root ::= "a'))
        assert refused.value.status == 400

    @pytest.mark.parametrize(
        "two",
        [
            {"grammar": GBNF, "json_schema": {"type": "object"}},
            {"grammar": GBNF, "response_format": {"type": "json_object"}},
            {"json_schema": {"type": "object"}, "response_format": {"type": "json_schema", "schema": {}}},
        ],
        ids=" and ".join,
    )
    def test_two_at_once(self, demo_server, door, path, two):
        with pytest.raises(xlc.RequestError, match=r" and .*: a request can have one of them") as refused:
            door(demo_server).ask(path, asking(path, PROMPT, 8, **two))
        assert refused.value.status == 400

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({"grammar": 7}, "grammar: expected a text, got 7"),
            ({"json_schema": "{}"}, "json_schema: expected a schema"),
            ({"response_format": "json_object"}, "response_format: expected an object"),
            ({"response_format": {"type": "yaml"}}, 'response_format: there is no type "yaml"'),
            ({"response_format": {"type": "json_schema"}}, "response_format: .* needs a schema"),
        ],
    )
    def test_what_is_not_of_the_right_kind(self, demo_server, door, path, body, problem):
        with pytest.raises(xlc.RequestError, match=problem) as refused:
            door(demo_server).ask(path, asking(path, PROMPT, 8, **body))
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "wish",
    [
        {"grammar": GBNF},
        {"json_schema": {"type": "object"}},
        {"output_format": {"type": "json_schema", "schema": {"type": "object"}}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
    ids="".join,
)
def test_messages_says_that_it_passes_no_grammar_on(demo_server, wish):
    refused = refusal(demo_server, MESSAGES, asking(MESSAGES, PROMPT, 8, **wish))
    assert (refused.status, "ask /v1/chat/completions" in str(refused)) == (400, True)


@pytest.mark.skipif(BUILD_INFO["llguidance"] is not None, reason="this build has LLGuidance")
@each_path
def test_a_build_without_llguidance_says_so(demo_server, path):
    refused = refusal(demo_server, path, asking(path, PROMPT, 8, grammar=LARK))
    assert (refused.status, "no LLGuidance" in str(refused)) == (400, True)


STORY = "Once upon a time, there was"


@pytest.fixture(scope="module")
def beginning(demo_server):
    """Where the free text comes to a word that it has not had yet: what is before it, and the word."""
    free = demo_server.request("POST", COMPLETION, asking(COMPLETION, STORY, 48))["content"]
    word = next(word for word in re.findall("[a-z]{5,}", free)[1:] if free.count(word) == 1)
    return free.partition(word)[:2]


def waiting_for(word):
    return {
        "grammar": f'root ::= "{word} NAMED " [A-Z]',
        "grammar_lazy": True,
        "grammar_triggers": [{"type": 1, "value": word}],
    }


@pytest.mark.capability("Structured output", "a grammar that waits for a word: `grammar_lazy`")
class TestLazy:
    WAITING = waiting_for("x")

    @pytest.mark.parametrize("path", [COMPLETIONS, COMPLETION])
    def test_begins_at_its_word(self, demo_server, door, path, beginning):
        before, word = beginning
        text = text_of(path, door(demo_server).ask(path, asking(path, STORY, 64, **waiting_for(word))))
        assert re.fullmatch(re.escape(before + word) + " NAMED [A-Z]", text)

    def test_streamed(self, demo_server, door, beginning):
        before, word = beginning
        chunks = door(demo_server).stream(COMPLETION, asking(COMPLETION, STORY, 64, **waiting_for(word)))
        assert re.fullmatch(re.escape(before + word) + " NAMED [A-Z]", joined(COMPLETION, chunks))

    @pytest.mark.parametrize("path", [CHAT, RESPONSES])
    def test_a_chat_has_none(self, demo_server, path):
        refused = refusal(demo_server, path, asking(path, PROMPT, 8, **self.WAITING))
        assert (refused.status, "ask for a completion" in str(refused)) == (400, True)

    @pytest.mark.parametrize(
        "trigger",
        [
            {"type": 9, "value": "x"},  # llama.cpp would end the process
            {"type": 2, "value": "(a+)+$"},  # a search that takes years
            {"type": 0, "value": "x", "token": 10**9},
            {"value": "x"},
            "x",
        ],
    )
    def test_a_trigger_that_llama_cpp_would_not_survive_is_refused(self, demo_server, trigger):
        body = {**asking(COMPLETION, PROMPT, 8), **self.WAITING, "grammar_triggers": [trigger]}
        assert refusal(demo_server, COMPLETION, body).status == 400

    @needs_llguidance
    def test_one_in_lark_is_refused(self, demo_server):
        body = {**asking(COMPLETION, PROMPT, 8), **self.WAITING, "grammar": LARK}
        assert refusal(demo_server, COMPLETION, body).status == 400


class TestDeadEnds:
    """Where a grammar leaves no token that may come next: an error, and the server goes on."""

    CASES: ClassVar[dict] = {
        "no character fits": {"grammar": r"root ::= [^\U00000000-\U0010FFFF]"},
        "all that fit are forbidden": {"grammar": 'root ::= "a"', "logit_bias": [["a", False]]},
        "the end is forbidden": {"grammar": 'root ::= "a"', "ignore_eos": True},
    }

    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("temperature", [0, 1])
    def test_gbnf(self, demo_server, case, temperature):
        body = {**asking(COMPLETION, PROMPT, 8), **self.CASES[case], "temperature": temperature}
        assert "grammar" in str(refusal(demo_server, COMPLETION, body))
        assert demo_server.request("GET", "/health") == {"status": "ok"}

    @needs_llguidance
    @pytest.mark.parametrize("temperature", [0, 1])
    def test_lark(self, demo_server, temperature):
        body = asking(COMPLETION, PROMPT, 8, grammar='%llguidance {}\nstart: "a"', logit_bias=[["a", False]])
        refused = refusal(demo_server, COMPLETION, {**body, "temperature": temperature})
        assert "grammar" in str(refused)
        assert demo_server.request("GET", "/health") == {"status": "ok"}

    @needs_llguidance
    def test_a_schema_that_is_too_much_on_its_way(self, demo_server):
        """LLGuidance finds that out at the first character. llama.cpp's own sampler would go on without it."""
        schema = {"type": "string", "pattern": "^a{1000000}$"}
        refused = refusal(demo_server, COMPLETION, asking(COMPLETION, PROMPT, 8, json_schema=schema))
        assert "grammar: lexer error: too many expressions" in str(refused)
        assert demo_server.request("GET", "/health") == {"status": "ok"}


class TestManyWays:
    """llama.cpp keeps each way in which a grammar can read what there is of an answer, and follows each by itself."""

    def test_an_error_where_there_are_too_many_to_begin(self, demo_server):
        rules = [f'r{depth} ::= r{depth + 1} "a" | r{depth + 1} "b"' for depth in range(40)]
        grammar = "\n".join(["root ::= r0", *rules, 'r40 ::= "c"'])
        refused = refusal(demo_server, COMPLETION, asking(COMPLETION, PROMPT, 8, grammar=grammar))
        assert refused.status == 400
        assert "too many ways for an answer to begin" in str(refused)

    def test_an_answer_where_a_token_can_be_read_in_many(self, demo_server):
        # llama.cpp took minutes for the first token.
        grammar = 'root ::= word{0,40} "b"\nword ::= ("a"?){0,40}'
        body = asking(COMPLETION, PROMPT, 8, grammar=grammar, logit_bias=[["aaaa", 100]])
        assert re.fullmatch("a{8,}", demo_server.request("POST", COMPLETION, body)["content"])

    def test_an_error_where_they_become_ever_more(self, demo_server):
        # Each bracket may be closed in two ways.
        grammar = 'root ::= "[" root "]" | "[" root ")" | "x"'
        body = {**asking(COMPLETION, PROMPT, 64), "grammar": grammar, "logit_bias": [["x", False], ["[", 100]]}
        assert "more than 4096 ways" in str(refusal(demo_server, COMPLETION, body))
        assert demo_server.request("GET", "/health") == {"status": "ok"}

    def test_no_error_where_they_become_fewer(self, demo_server):
        words = [f"{number:04}" for number in range(5000)]
        grammar = "root ::= " + " | ".join(f'"{word}"' for word in words)
        answer = demo_server.request("POST", COMPLETION, {**asking(COMPLETION, PROMPT, 8), "grammar": grammar})
        assert answer["content"] in words
