"""Writes and compares every file that is made from matrix.yaml.

As a program, ``python -m rendering.made_files``: ``check`` ends with 1 where a file is not what it should be and shows
the difference, ``render`` writes the files, ``--json`` prints the workflows' jobs, with labels after it those for GPU
runners that have one of them ("nvidia,amd"). ``nox -s matrix`` runs it.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matrix import MatrixError
from rendering import bake_file, compose_file, facts, select_rows, tables, workflow_jobs
from rendering.facts import Facts
from strict_yaml import StrictYamlError

WHOLE = {module.PATH: module.render for module in (compose_file, bake_file, select_rows)}
"""The files that are made from the matrix as a whole."""


@dataclass(frozen=True)
class Difference:
    """A file that is not what matrix.yaml makes of it.

    Parameters
    ----------
    path : str
        The file, from the root of the checkout.
    diff : str
        What would change, as a unified diff.
    """

    path: str
    diff: str


def check(root: Path) -> list[Difference]:
    """Compare the files of a checkout with what they should be.

    Parameters
    ----------
    root : Path
        The root of the checkout.

    Returns
    -------
    list of Difference
        The files that differ; a missing one does.

    Raises
    ------
    MatrixError
        matrix.yaml is wrong, or a file lacks the markers that its made parts stand between.
    """
    differences = []
    for path, text in _texts(root).items():
        found = _read(root / path)
        if found != text:
            lines = difflib.unified_diff(found.splitlines(True), text.splitlines(True), path, f"{path} (rendered)")
            differences.append(Difference(path, "".join(lines)))
    return differences


def render(root: Path) -> list[str]:
    """Write the files; return those that changed. Raises as :func:`check`, and then nothing was written."""
    texts = _texts(root)
    changed = [path for path, text in texts.items() if _read(root / path) != text]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(texts[path], encoding="utf-8")
    return changed


def _texts(root: Path) -> Mapping[str, str]:
    found = facts.load(root)
    texts = {path: make(found) for path, make in WHOLE.items()}
    for path in tables.SECTIONS:
        texts[path] = _with_sections(path, _read(root / path), found)
    return texts


def _with_sections(path: str, text: str, found: Facts) -> str:
    for name, make in tables.SECTIONS[path].items():
        begin, end = f"<!-- matrix: {name} -->\n", f"<!-- /matrix: {name} -->\n"
        head, _, rest = text.partition(begin)
        if begin in rest or rest.count(end) != 1:
            raise MatrixError(
                f"{path}: the lines {begin.strip()} and {end.strip()} have to be there, once, in this order"
            )
        text = f"{head}{begin}\n{make(found)}\n{end}{rest.partition(end)[2]}"
    return text


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: list[str], root: Path) -> int:
    """Do what the module says at its top; return the exit status."""
    try:
        if arguments[:1] == ["--json"] and len(arguments) <= 2:
            print(workflow_jobs.render(facts.load(root).matrix, *arguments[1:]))
        elif arguments == ["render"]:
            print("\n".join(render(root)) or "everything is as matrix.yaml makes it")
        elif arguments in (["check"], []):
            differences = check(root)
            print("\n".join(difference.diff for difference in differences), end="")
            if differences:
                names = ", ".join(difference.path for difference in differences)
                print(
                    f"not as matrix.yaml makes them: {names}. To write them: nox -s matrix -- render", file=sys.stderr
                )
                return 1
            print("everything is as matrix.yaml makes it")
        else:
            print(f"{' '.join(arguments)}: check, render or --json", file=sys.stderr)
            return 2
    except StrictYamlError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[2]))
