"""Reads JSON with the lines that its keys and values stand on, and no key twice."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from pathlib import Path

from strict_yaml import Node, StrictYamlError

# What is between values: where they are known to be right, it has nothing to say.
_BETWEEN = re.compile(r"[\s,:]*")


def read(path: Path) -> Node:
    """Parse a file, which errors call by its name.

    Raises
    ------
    StrictYamlError
        It cannot be read, is not JSON, has a key twice, or is no mapping.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        json.loads(text)
        node, _ = _Nodes(path.name, text).read(_after(text, 0))
    except FileNotFoundError:
        raise StrictYamlError(f"{path.name} is not in {path.parent}") from None
    except OSError as error:
        raise StrictYamlError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise StrictYamlError(f"{path.name} is not UTF-8 at byte {error.start}: {error.reason}") from None
    except json.JSONDecodeError as error:
        raise StrictYamlError(f"{path.name}:{error.lineno}: it is no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise StrictYamlError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(node.value, dict):
        raise StrictYamlError(f"{path.name}: it holds no keys")
    return node


class _Nodes:
    """Makes nodes of a text that is JSON."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self._decode = json.JSONDecoder().raw_decode
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def read(self, start: int) -> tuple[Node, int]:
        """Return the value that begins somewhere, and where it ends."""
        if self.text[start] == "{":
            return self._mapping(start)
        if self.text[start] == "[":
            return self._list(start)
        value, end = self._decode(self.text, start)
        return Node(value, self._line(start)), end

    def _mapping(self, start: int) -> tuple[Node, int]:
        values: dict[str, Node] = {}
        lines: dict[str, int] = {}
        at = _after(self.text, start + 1)
        while self.text[at] != "}":
            key, end = self._decode(self.text, at)
            if key in values:
                raise StrictYamlError(f"{self.file}:{self._line(at)}: found duplicate key {json.dumps(key)}")
            lines[key] = self._line(at)
            values[key], end = self.read(_after(self.text, end))
            at = _after(self.text, end)
        return Node(values, self._line(start), lines), at + 1

    def _list(self, start: int) -> tuple[Node, int]:
        values = []
        at = _after(self.text, start + 1)
        while self.text[at] != "]":
            value, end = self.read(at)
            values.append(value)
            at = _after(self.text, end)
        return Node(values, self._line(start)), at + 1

    def _line(self, at: int) -> int:
        return bisect_right(self._ends, at) + 1


def _after(text: str, start: int) -> int:
    """Return where the next value, or the end of a list or mapping, is."""
    found = _BETWEEN.match(text, start)
    return found.end() if found else start
