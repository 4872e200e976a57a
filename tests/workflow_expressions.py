"""GitHub's expressions, as far as our workflows use them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||[!=]=|\d+|[A-Za-z_][\w-]*|[!()\[\].,*])")
_TEMPLATE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_CONSTANTS = {"true": True, "false": False, "null": None}

STATUS = re.compile(r"\b(always|cancelled|failure|success)\(")
"""A condition without one of these functions holds only where all went well before."""


def evaluate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Return the value of an expression; a context that is not there is an error, what is not in one is None."""
    return _Parser(text, contexts, {**_FUNCTIONS, **(functions or {})}).whole()


def fill(value: Any, contexts: Mapping[str, Any]) -> Any:
    """Return a value of a workflow with its templates filled in, at any depth."""
    if isinstance(value, dict):
        return {key: fill(item, contexts) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, contexts) for item in value]
    if not isinstance(value, str):
        return value
    if (alone := _TEMPLATE.fullmatch(value.strip())) and value.count("${{") == 1:
        return evaluate(alone[1], contexts)
    return _TEMPLATE.sub(lambda found: _text(evaluate(found[1], contexts)), value)


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda where, what: what in (where or ()),
    "fromJSON": json.loads,
}


class _Parser:
    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> None:
        self.text, self.contexts, self.functions = text, contexts, functions
        self.tokens = _TOKEN.findall(text)
        assert "".join(self.tokens) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text), f"cannot read: {text}"

    def whole(self) -> Any:
        value = self.either()
        assert not self.tokens, f"what is {self.tokens[0]} in {self.text}?"
        return value

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            value = self.both() if not value else (self.both(), value)[1]
        return value

    def both(self) -> Any:
        value = self.comparison()
        while self.take("&&"):
            value = self.comparison() if value else (self.comparison(), value)[1]
        return value

    def comparison(self) -> Any:
        value = self.negation()
        while sign := self.take("==", "!="):
            value = (value == self.negation()) is (sign == "==")
        return value

    def negation(self) -> Any:
        return not self.negation() if self.take("!") else self.path()

    def path(self) -> Any:
        value = self.atom()
        while sign := self.take(".", "["):
            if sign == "." and self.take("*"):
                assert self.take(".")
                key = self.tokens.pop(0)
                value = [item.get(key) for item in value.values()]
                continue
            key = self.tokens.pop(0) if sign == "." else self.either()
            assert sign == "." or self.take("]")
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                value = None
        return value

    def atom(self) -> Any:
        token = self.tokens.pop(0)
        if token == "(":
            value = self.either()
            assert self.take(")")
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdigit():
            return int(token)
        if self.take("("):
            arguments = []
            while not self.take(")"):
                arguments.append(self.either())
                self.take(",")
            return self.functions[token](*arguments)
        return _CONSTANTS[token] if token in _CONSTANTS else self.contexts[token]
