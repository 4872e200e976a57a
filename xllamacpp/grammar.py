"""Grammars for structured output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xllamacpp._native import _core
from xllamacpp.errors import ParameterError


def json_schema_to_grammar(schema: Mapping[str, Any] | str) -> str:
    """Turn a JSON schema into the grammar that constrains output to it, for a request's ``grammar`` field.

    Parameters
    ----------
    schema : dict or str
        The schema, as Python objects or as JSON text.

    Returns
    -------
    str
        LLGuidance's Lark format where this build has LLGuidance (``BUILD_INFO["llguidance"]``), else llama.cpp's GBNF.

    Raises
    ------
    ParameterError
        The schema is not JSON, or (GBNF) uses a keyword that grammars cannot express.
    """
    text = schema if isinstance(schema, str) else json.dumps(schema)
    try:
        return _core.json_schema_to_grammar(text)
    except (ValueError, RuntimeError) as error:
        raise ParameterError(str(error)) from None
