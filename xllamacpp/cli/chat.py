"""``xllamacpp chat``: a conversation in the terminal, or one answer."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import Any

import click

from xllamacpp import RequestError, Server
from xllamacpp.cli import generation

_COMMANDS = """\
/reset   forget the conversation
/exit    end it, as Ctrl-D does
/help    show this
Ctrl-C stops an answer."""


@click.command("chat", short_help="Talk to a model.")
@click.argument("message", required=False)
@click.option("-s", "--system", help="What the model is told before the conversation.")
@generation.options
def command(
    message: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
    seed: int | None,
    **model: Any,
) -> None:
    """Talk to a model; or get one answer, to MESSAGE or to what comes on standard input.

    \b
    Examples:
      xllamacpp chat
      xllamacpp chat "Write a two sentence story about a robot."
      xllamacpp chat --model model.gguf --system "Answer in French." < question.txt
      xllamacpp chat --temperature 0 --max-tokens 100 "Tell me a joke." > joke.txt

    In a conversation, /help lists the commands and Ctrl-D ends it.
    """
    text = generation.read_text(message)
    if text is not None and not text.strip():
        raise click.UsageError("There is no message: give one as an argument or on standard input.")
    request = generation.make_request(max_tokens, temperature, seed)
    with generation.open_server(**model) as server:
        conversation = Conversation(server, system, request)
        if text is None:
            _converse(conversation)
        elif conversation.answer(text):
            click.echo("The answer is cut: the context is full. --n-ctx gives more room.", err=True)


class Conversation:
    """What was said so far, by both sides.

    Parameters
    ----------
    server : Server
        The model.
    system : str or None
        What it is told first.
    request : dict
        The fields of each request, without the messages.
    """

    def __init__(self, server: Server, system: str | None, request: dict[str, Any]) -> None:
        self._server = server
        self._request = request
        self._beginning = [] if system is None else [{"role": "system", "content": system}]
        self._messages = list(self._beginning)

    def reset(self) -> None:
        """Forget all but the system message."""
        self._messages = list(self._beginning)

    def answer(self, text: str) -> bool:
        """Print the answer as it comes, and remember both; tell whether its end is missing because the context is full.

        A text that gets no answer at all is forgotten, a part of an answer is kept.
        """
        pieces: list[str] = []
        messages = [*self._messages, {"role": "user", "content": text}]
        try:
            return generation.generate(
                self._server,
                "/v1/chat/completions",
                {**self._request, "messages": messages},
                lambda choice: _show(choice["delta"], pieces),
            )
        finally:
            if pieces:
                self._messages = [*messages, {"role": "assistant", "content": "".join(pieces)}]
                click.echo()


def _show(delta: dict[str, Any], pieces: list[str]) -> None:
    thought, piece = delta.get("reasoning_content"), delta.get("content")
    if thought and sys.stderr.isatty():
        click.secho(thought, dim=True, nl=False, err=True)
    if piece:
        pieces.append(piece)
        click.echo(piece, nl=False)


def _converse(conversation: Conversation) -> None:
    # Editing and history for input().
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401
    click.echo("Ask something. /help lists the commands, Ctrl-D ends.")
    while True:
        try:
            line = input("> " if sys.stdout.isatty() else "").strip()
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo("\nCtrl-D or /exit ends the conversation.")
            continue
        if line == "/exit":
            return
        if line == "/reset":
            conversation.reset()
            click.echo("The conversation is forgotten.")
        elif line == "/help":
            click.echo(_COMMANDS)
        elif re.fullmatch(r"/\w+", line):
            click.echo(f"There is no command {line}.\n{_COMMANDS}")
        elif line:
            _say(conversation, line)


def _say(conversation: Conversation, line: str) -> None:
    try:
        if conversation.answer(line):
            click.echo("The answer is cut: the context is full. /reset forgets the conversation.", err=True)
    except KeyboardInterrupt:
        click.echo(err=True)
    except generation.ContextFullError as error:
        click.echo(f"{error}; /reset forgets the conversation.", err=True)
    except RequestError as error:
        click.echo(f"The server refused this: {error}", err=True)
