"""Configuration files: TOML, YAML and JSON, by their suffix."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import IO, Any

from xllamacpp.errors import ParameterError


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what the file at `path` holds, without a key ``$schema``.

    Raises
    ------
    ParameterError
        It cannot be read, is not of the kind that its suffix says, or holds something else than names and values.
    """
    load, _ = _format_of(path)
    try:
        with Path(path).open("rb") as file:
            values = load(file)
    except OSError as error:
        raise ParameterError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None
    except Exception as error:
        # Each library has errors of its own; all say where.
        raise ParameterError(f"{os.fspath(path)}: cannot be understood: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ParameterError(f"{os.fspath(path)}: expected names and values, got {values!r}")
    values.pop("$schema", None)
    return values


def write(path: str | os.PathLike[str], values: dict[str, Any]) -> None:
    """Write `values` to the file at `path`, in one step: no reader sees half of it."""
    import tempfile

    _, dump = _format_of(path)
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            dump(_to_text(values), file)
        if target.exists():
            Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise


def _to_text(value: Any) -> Any:
    """Turn enumerators into their names, and what no format has a number for into text."""
    if isinstance(value, dict):
        return {key: _to_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_text(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    return str(value) if value in (float("inf"), float("-inf")) else value


# Most programs read no file, and should not wait for what reads one.


def _load_toml(file: IO[bytes]) -> Any:
    import tomllib

    return tomllib.load(file)


def _load_yaml(file: IO[bytes]) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(file)


def _dump_yaml(values: dict[str, Any], file: IO[bytes]) -> None:
    from ruamel.yaml import YAML

    def represent(representer: Any, text: str) -> Any:
        # Unquoted, what is a line's end to the library would be read as a space.
        style = '"' if any(end in text for end in "\x85\u2028\u2029") else None
        return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.representer.add_representer(str, represent)
    yaml.dump(values, file)


def _dump_toml(values: dict[str, Any], file: IO[bytes]) -> None:
    import tomli_w

    tomli_w.dump(values, file)


def _dump_json(values: dict[str, Any], file: IO[bytes]) -> None:
    file.write((json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


_Load = Callable[[IO[bytes]], Any]
_Dump = Callable[[dict[str, Any], IO[bytes]], None]

_FORMATS: dict[str, tuple[_Load, _Dump]] = {
    ".toml": (_load_toml, _dump_toml),
    ".yaml": (_load_yaml, _dump_yaml),
    ".yml": (_load_yaml, _dump_yaml),
    ".json": (json.load, _dump_json),
}


def _format_of(path: str | os.PathLike[str]) -> tuple[_Load, _Dump]:
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise ParameterError(f"{os.fspath(path)}: a configuration file ends in {', '.join(_FORMATS)}")
    return _FORMATS[suffix]
