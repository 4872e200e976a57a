"""Finds the Python snippets of a document, puts those together that continue one another, and runs them.

Two kinds of document: Markdown with fenced blocks, and plain text that lost its fences and its indentation. In the
second, whatever parses as Python and does something (an import, an assignment, a call, a loop...) is code; the blocks
under `def`, `for`, `if` and `with` are indented again.
"""

from __future__ import annotations

import ast
import builtins
import io
import os
import re
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]

# A line of prose may be a Python expression by chance ("Install"); it never is one of these.
_STATEMENTS = (
    ast.Assign,
    ast.AugAssign,
    ast.For,
    ast.FunctionDef,
    ast.Global,
    ast.If,
    ast.Import,
    ast.ImportFrom,
    ast.Return,
    ast.With,
)
_PROSE = re.compile(r"\w+ \(")  # "Name (remark)": nobody writes a call like that
_COMMENT = re.compile(r"#( |$)")
_BLOCK = re.compile(r"(def|for|if|with)\b.*:\s*(#.*)?$")
_TITLE = re.compile(r"[A-Z].{0,60}[^.:,;!?]")
_LONGEST_STATEMENT = 60

_TIME_LIMIT = 180


@dataclass(frozen=True)
class Snippet:
    """A run of code lines.

    Parameters
    ----------
    title : str
        The title that it stands under.
    line : int
        Its first line in the document, counted from 1.
    source : str
        The code, indented as Python wants it.
    """

    title: str
    line: int
    source: str

    @property
    def tree(self) -> ast.Module:
        """The parsed code."""
        return ast.parse(self.source)

    @property
    def imports(self) -> dict[str, ast.stmt]:
        """The names that it imports, and the statements that do so."""
        return {
            (name.asname or name.name).partition(".")[0]: statement
            for statement in self.tree.body
            if isinstance(statement, ast.Import | ast.ImportFrom)
            for name in statement.names
        }

    @property
    def defined(self) -> set[str]:
        """The names that it gives a value, imports left out."""
        nodes = list(ast.walk(self.tree))
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
        return stored | arguments | {node.name for node in nodes if isinstance(node, ast.FunctionDef)}

    @property
    def missing(self) -> set[str]:
        """The names that it reads and has from elsewhere."""
        read = {
            node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        return read - self.defined - set(self.imports) - set(dir(builtins))


@dataclass(frozen=True)
class Program:
    """A snippet that stands for itself, and the later ones that continue it.

    Parameters
    ----------
    snippets : tuple of Snippet
        In the document's order.
    preamble : str
        The imports that a reader has from sections before.
    """

    snippets: tuple[Snippet, ...]
    preamble: str

    @property
    def title(self) -> str:
        """The title of the first snippet."""
        return self.snippets[0].title

    def source(self, checks: dict[str, str] | None = None) -> str:
        """Return the whole program.

        Parameters
        ----------
        checks : dict of str, optional
            Python lines by title, to be run after each snippet under that title.
        """
        parts = [self.preamble]
        for snippet in self.snippets:
            parts += [snippet.source, (checks or {}).get(snippet.title, "")]
        return "\n".join(part for part in parts if part) + "\n"

    @property
    def is_whole(self) -> bool:
        """Whether it reads no name that only the text around it explains."""
        missing = set().union(*(snippet.missing for snippet in self.snippets))
        had = set().union(*(snippet.defined | set(snippet.imports) for snippet in self.snippets))
        return missing <= had | set(Snippet("", 0, self.preamble).imports)

    @property
    def setup(self) -> str:
        """What comes before the server is made: the parameters."""
        statements = []
        for statement in ast.parse(self.source()).body:
            if "xlc.Server(" in ast.unparse(statement):
                break
            statements.append(ast.unparse(statement))
        return "\n".join(statements) + "\n"


def find_document() -> Path | None:
    """Return the document's file: XLLAMACPP_DOCUMENT, else the text in ``shared/seeds`` beside the checkout."""
    if named := os.environ.get("XLLAMACPP_DOCUMENT"):
        return Path(named)
    return next(iter(sorted((_CHECKOUT.parent / "shared" / "seeds").glob("*.txt"))), None)


def plain_snippets(text: str) -> list[Snippet]:
    """Return the snippets of a text without fences and without indentation.

    Parameters
    ----------
    text : str
        The document.

    Returns
    -------
    list of Snippet
        In the document's order.
    """
    lines = [line.strip() for line in text.splitlines()]
    snippets: list[Snippet] = []
    title = ""
    i = 0
    while i < len(lines):
        code: list[str] = []
        start = i
        while i < len(lines) and (found := _read_statement(lines, i)):
            taken, i = found
            code += taken
        if any(not _COMMENT.match(line) for line in code):
            snippets.append(Snippet(title, start + 1, "\n".join(code)))
        elif i == start:
            if _TITLE.fullmatch(lines[i]):
                title = lines[i]
            i += 1
    return snippets


def fenced_snippets(text: str) -> list[Snippet]:
    """Return the blocks of Markdown that are fenced as ``python``.

    Parameters
    ----------
    text : str
        The document.

    Returns
    -------
    list of Snippet
        In the document's order.
    """
    snippets: list[Snippet] = []
    title = ""
    block: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None and line.strip() == "```":
            if block[0].strip().startswith("```python"):
                source = textwrap.dedent("\n".join(block[1:]))
                snippets.append(Snippet(title, number - len(block) + 1, source))
            block = None
        elif block is not None:
            block.append(line)
        elif line.strip().startswith("```"):
            block = [line]
        elif line.startswith("#"):
            title = line.lstrip("# ")
    return snippets


def programs(snippets: list[Snippet]) -> list[Program]:
    """Put snippets together that continue one another.

    A snippet that reads names which it does not define continues the nearest earlier one that defines them; imports
    that it lacks are taken from the nearest earlier one that has them.

    Parameters
    ----------
    snippets : list of Snippet
        In the document's order.

    Returns
    -------
    list of Program
        In the order of their first snippets.
    """
    members: list[list[Snippet]] = []
    program_of: dict[Snippet, list[Snippet]] = {}
    for i, snippet in enumerate(snippets):
        earlier = snippets[i - 1 :: -1] if i else []
        before = next((other for other in earlier if other.defined & snippet.missing), None)
        if before is None:
            members.append([])
        program_of[snippet] = program_of[before] if before else members[-1]
        program_of[snippet].append(snippet)
    return [Program(tuple(group), "\n".join(_lacking_imports(group, snippets))) for group in members]


def _lacking_imports(group: list[Snippet], snippets: list[Snippet]) -> Iterator[str]:
    had = set().union(*(set(snippet.imports) | snippet.defined for snippet in group))
    for name in sorted(set().union(*(snippet.missing for snippet in group)) - had):
        earlier = [s for s in snippets if s.line < group[0].line and name in s.imports]
        if earlier:
            yield ast.unparse(earlier[-1].imports[name])


def run_program(source: str, model: Path, folder: Path, others: Mapping[str, Path] | None = None) -> str:
    """Run a program as it is printed; every model file that it names is `model`, but for the others.

    Parameters
    ----------
    source : str
        The program.
    model : Path
        The model that stands in for the files that the program names.
    folder : Path
        An empty folder, which becomes the program's working directory.
    others : dict of Path, optional
        Models that stand in for files of these names.

    Returns
    -------
    str
        What it printed.
    """
    for name in set(re.findall(r'"([\w./-]+\.gguf)"', source)):
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((others or {}).get(name, model))
    program = folder / "program.py"
    program.write_text(source, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, program.name], cwd=folder, capture_output=True, text=True, timeout=_TIME_LIMIT
    )
    assert result.returncode == 0, f"{source}\n{result.stdout[-2000:]}\n{result.stderr[-6000:]}"
    return result.stdout


def _read_statement(lines: list[str], i: int, indent: str = "") -> tuple[list[str], int] | None:
    """Read the statement, comment or empty line at `i`: its lines, indented, and where the next one starts."""
    if _COMMENT.match(lines[i]):
        return [indent + lines[i]], i + 1
    if _BLOCK.match(lines[i]) and _parse(lines[i] + "\n    pass"):
        body, end = _read_body(lines, i + 1, indent + "    ", is_function=lines[i].startswith("def "))
        return ([indent + lines[i], *body], end) if body else None
    for end in range(i + 1, min(i + 1 + _LONGEST_STATEMENT, len(lines) + 1)):
        text = "\n".join(lines[i:end])
        if _parse(text):
            return [indent + line for line in lines[i:end]], end
        if not _is_open(text):
            return None
    return None


def _read_body(lines: list[str], i: int, indent: str, *, is_function: bool) -> tuple[list[str], int]:
    """Read a block that lost its indentation: one statement, or a function's up to its `return`."""
    body: list[str] = []
    while i < len(lines) and (found := _read_statement(lines, i, indent)):
        is_comment = bool(_COMMENT.match(lines[i]))
        is_last = lines[i].startswith("return") if is_function else not is_comment
        taken, i = found
        body += taken
        if is_last:
            break
    return body, i


def _parse(text: str) -> bool:
    if _PROSE.match(text):
        return False
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return len(body) == 1 and (
        isinstance(body[0], _STATEMENTS) or (isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Call))
    )


def _is_open(text: str) -> bool:
    """Whether brackets wait for more lines."""
    try:
        list(tokenize.generate_tokens(io.StringIO(text).readline))
    except tokenize.TokenError as error:
        return "EOF in multi-line" in str(error)
    except (SyntaxError, IndentationError):
        return False
    return False
