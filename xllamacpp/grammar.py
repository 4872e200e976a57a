"""Grammars for structured output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xllamacpp._native import _core
from xllamacpp.errors import ParameterError


def json_schema_to_grammar(schema: Mapping[str, Any] | str, *, gbnf: bool = False) -> str:
    """Turn a JSON schema into the grammar that constrains output to it, for a request's ``grammar`` field.

    Parameters
    ----------
    schema : dict or str
        The schema, as Python objects or as JSON text.
    gbnf : bool, optional
        Write the grammar in llama.cpp's GBNF, where this build has LLGuidance too.

    Returns
    -------
    str
        LLGuidance's Lark format where this build has LLGuidance (``BUILD_INFO["llguidance"]``), else llama.cpp's GBNF.

    Raises
    ------
    ParameterError
        It is no schema, it is too large or refers to itself in circles, or it uses a keyword that GBNF cannot express.
    """
    text = schema if isinstance(schema, str) else json.dumps(schema)
    try:
        return _core.json_schema_to_grammar(text, gbnf)
    except (ValueError, RuntimeError) as error:
        raise ParameterError(str(error)) from None
