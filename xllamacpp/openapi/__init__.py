"""What the server answers over HTTP, as an OpenAPI 3.1 document: the YAML files beside this one, put together.

A part has ``paths`` and ``components`` as the whole document has, and ``aliases``: paths that are another one by an
older name.
"""

from __future__ import annotations

import copy
import re
from importlib import resources
from typing import Any

from xllamacpp import __version__

Json = dict[str, Any]

_HEAD = "head.yaml"
_METHODS = {"get", "post", "delete"}


def document() -> Json:
    """Return the document, whole: a schema for every route of :attr:`xllamacpp.Server.routes`.

    Returns
    -------
    dict
        Plain dicts and lists, the caller's own.

    Examples
    --------
    >>> document()["paths"]["/health"]["get"]["summary"]
    'Tell whether the server answers'
    """
    from ruamel.yaml import YAML

    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    parts = {file.name: YAML(typ="safe").load(file.read_text("utf-8")) for file in files if file.name.endswith(".yaml")}
    # By way of a copy: what YAML's anchors share would be shared still.
    whole: Json = copy.deepcopy(parts.pop(_HEAD))
    whole["info"]["version"] = __version__
    whole["paths"] = {}
    for part in parts.values():
        paths = part.get("paths", {})
        for path, operations in {**paths, **{path: paths[of] for path, of in part.get("aliases", {}).items()}}.items():
            whole["paths"][path] = copy.deepcopy(operations)
        for kind, named in part.get("components", {}).items():
            whole["components"].setdefault(kind, {}).update(copy.deepcopy(named))
    for path, operations in whole["paths"].items():
        for method in operations.keys() & _METHODS:
            operations[method] = {"operationId": _identifier(method, path), **operations[method]}
    return whole


def _identifier(method: str, path: str) -> str:
    return re.sub(r"\W+", "_", f"{method}{path}").strip("_")
