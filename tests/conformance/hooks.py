"""Texts that no JSON Schema describes: schemathesis imports this file, as schemathesis.toml says."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies

GRAMMARS = ('root ::= "a" | "b"', "root ::= [a-z]+", "%llguidance {}\nstart: /[a-z]+/", "root ::= no such rule", "")

schemathesis.openapi.format("grammar", strategies.sampled_from(GRAMMARS))
