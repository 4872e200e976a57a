"""``xllamacpp chat``, on the demo model: it proves the plumbing, not the wit."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

import xllamacpp as xlc
from xllamacpp.cli.chat import Conversation
from xllamacpp.cli.generation import ContextFullError

GREEDY = ["--temperature", "0", "--max-tokens", "12", "--n-ctx", "512"]


def test_argument_and_standard_input_give_the_same_answer_and_nothing_else(run, demo_model):
    by_argument = run("chat", "--model", demo_model, *GREEDY, "Write a short story.")
    assert by_argument.returncode == 0, by_argument.stderr
    assert by_argument.stdout.strip()
    assert by_argument.stdout.endswith("\n")
    assert by_argument.stderr == ""
    by_input = run("chat", *GREEDY, text="Write a short story.\n")
    assert by_input.stdout == by_argument.stdout
    with_system = run("chat", *GREEDY, "--system", "You speak like a pirate.", "Write a short story.")
    assert with_system.stdout != by_argument.stdout


def test_same_seed_gives_the_same_answer(run, demo_model):
    arguments = ["chat", "-m", demo_model, "-n", "12", "-c", "512", "--temperature", "1.5", "Write a short story."]
    first, again, other = (run(*arguments, "--seed", seed) for seed in ("1", "1", "2"))
    assert first.stdout == again.stdout != other.stdout


def test_ctrl_c_ends_one_answer_quietly(start, demo_model):
    process = start("chat", "-m", demo_model, "Write a very long story about a king and his nine daughters.")
    assert process.stdout.read(1)
    process.send_signal(2)
    assert process.wait(120) == 130
    assert process.stderr.read().strip() == ""


def test_empty_input_is_a_usage_error(run):
    result = run("chat", text=" \n")
    assert result.returncode == 2
    assert "There is no message" in result.stderr


def test_conversation_in_a_terminal(open_terminal, demo_model):
    terminal = open_terminal("chat", "-m", demo_model, "--n-ctx", "256", "--temperature", "0")
    assert "loading" in terminal.expect("/help lists the commands")
    terminal.expect("> ")

    terminal.press("/help\n")
    terminal.expect("/reset")
    terminal.expect("> ")
    terminal.press("/rest\n")
    terminal.expect("There is no command /rest")
    terminal.expect("> ")

    terminal.press("Write a very long story about a king.\n")
    terminal.expect("king.\r\n")
    # The first word, then Ctrl-C: the answer ends, the program does not.
    terminal.expect(" ")
    terminal.press("\x03")
    terminal.expect("> ")

    terminal.press_until("\x03", "Ctrl-D or /exit ends")
    terminal.expect("> ")

    terminal.press("word " * 300 + "\n")
    terminal.expect("does not fit into the context")
    terminal.expect("/reset forgets the conversation")
    terminal.expect("> ")

    terminal.press("/reset\n")
    terminal.expect("forgotten")
    terminal.expect("> ")
    # The history of the line editor: up, up is the long text, down is /reset again.
    terminal.press("\x1b[A\n")
    terminal.expect("forgotten")
    terminal.expect("> ")

    terminal.press("\x04")
    assert terminal.wait() == 0
    assert "Traceback" not in terminal.shown


def test_exit_ends_the_conversation(open_terminal, demo_model):
    terminal = open_terminal("chat", "-m", demo_model, "--n-ctx", "256")
    terminal.expect("> ")
    terminal.press("/exit\n")
    assert terminal.wait() == 0


class ScriptedServer:
    """Answers with given pieces; an exception among them is raised."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.requests = []

    @contextmanager
    def request(self, method, path, body):
        self.requests.append(body["messages"])
        yield self._chunks()

    def _chunks(self):
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield {"choices": [{"delta": {"content": piece}, "finish_reason": None}]}
        yield {"choices": [{"delta": {}, "finish_reason": "length"}]}
        yield {"choices": [], "usage": {}}


def said(role, content):
    return {"role": role, "content": content}


def test_both_sides_are_remembered_until_a_reset(capsys):
    server = ScriptedServer("It ", "is.")
    conversation = Conversation(server, "Be brief.", {"max_tokens": 5})
    assert conversation.answer("Is it?") is False
    conversation.answer("Sure?")
    conversation.reset()
    conversation.answer("Who?")
    assert server.requests == [
        [said("system", "Be brief."), said("user", "Is it?")],
        [said("system", "Be brief."), said("user", "Is it?"), said("assistant", "It is."), said("user", "Sure?")],
        [said("system", "Be brief."), said("user", "Who?")],
    ]
    assert capsys.readouterr().out == "It is.\n" * 3


def test_a_part_of_an_answer_is_kept_and_no_answer_forgotten(capsys):
    server = ScriptedServer("Part", KeyboardInterrupt())
    conversation = Conversation(server, None, {})
    with pytest.raises(KeyboardInterrupt):
        conversation.answer("One?")
    server.pieces = [xlc.RequestError("too long", 400, "exceed_context_size_error")]
    with pytest.raises(ContextFullError, match="too long"):
        conversation.answer("Two?")
    server.pieces = ["Whole"]
    assert conversation.answer("Three?") is True, "cut, and not by max_tokens"
    assert server.requests[-1] == [said("user", "One?"), said("assistant", "Part"), said("user", "Three?")]
