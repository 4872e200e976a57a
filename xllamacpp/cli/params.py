"""``xllamacpp params``: the reference of the parameters, in the terminal."""

from __future__ import annotations

import difflib

import click

from xllamacpp import ParameterError
from xllamacpp._native import schema
from xllamacpp._native.facts import Facts, all_facts


@click.command(
    "params",
    short_help="Look up parameters.",
    # A flag of llama.cpp's is a word like any other.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[WORD]...")
@click.option("--schema", "is_schema", is_flag=True, help="Print the JSON Schema of a configuration file, for editors.")
def command(words: tuple[str, ...], is_schema: bool) -> None:
    """Show the parameters that have every WORD in their name, text, flag or variable; all of them without a WORD.

    \b
    Examples:
      xllamacpp params ctx
      xllamacpp params --ctx-size
      xllamacpp params speculative draft
      xllamacpp params --schema > params.schema.json
    """
    if is_schema:
        click.echo(schema.schema_text(), nl=False)
        return
    found = [facts for facts in all_facts() if all(word.lower() in _searched(facts) for word in words)]
    if not found:
        raise ParameterError(f"no parameter has {' and '.join(map(repr, words))}{_suggestion(words[0])}")
    # Those whose name it is come first.
    found.sort(key=lambda facts: not any(word in facts.field.name for word in words))
    click.echo("\n".join(map(_paragraph, found)))


def _searched(facts: Facts) -> str:
    field = facts.field
    return " ".join([facts.path, field.doc, field.flag, field.env, field.group, facts.type]).lower()


def _suggestion(word: str) -> str:
    near = difflib.get_close_matches(word, [facts.field.name for facts in all_facts()], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _paragraph(facts: Facts) -> str:
    field = facts.field
    default = f" = {facts.default}" if facts.default else ""
    kind = ", ".join(filter(None, [facts.type, field.unit, facts.limits]))
    ways = ", ".join(filter(None, [field.flag, field.env, facts.example]))
    text = click.wrap_text(field.doc, 100, "    ", "    ")
    return f"{click.style(facts.path, bold=True)}{default}  ({kind})\n{text}\n" + (f"    {ways}\n" if ways else "")
