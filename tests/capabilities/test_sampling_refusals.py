"""Options of sampling that cannot be: each is refused, by its name and with what there may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import models
import xllamacpp as xlc
from doors import MakeParams, OpenDoor


@pytest.fixture(scope="module")
def server(params: MakeParams) -> Iterator[xlc.Server]:
    """Serve a tiny model with one slot."""
    with xlc.Server(params(models.tiny(models.TINY), n_ctx=512, n_parallel=1)) as server:
        yield server


@pytest.mark.capability("Sampling", "bad values are refused by name, with what there may be")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.5}, "temperature: expected a number of at least 0, got -0.5"),
        ({"temperature": "hot"}, 'temperature: expected a number, got "hot"'),
        ({"temperature": True}, "temperature: expected a number, got true"),
        ({"top_k": 1.5}, "top_k: expected a whole number"),
        ({"top_p": 1.5}, "top_p: expected a number from 0 to 1, got 1.5"),
        ({"min_p": -1}, "min_p: expected a number from 0 to 1, got -1"),
        ({"typical_p": 2}, "typical_p: expected a number from 0 to 1, got 2"),
        ({"typ_p": 2}, "typical_p: expected a number from 0 to 1, got 2"),
        ({"top_n_sigma": []}, "top_n_sigma: expected a number, got []"),
        ({"xtc_probability": 1.1}, "xtc_probability: expected a number from 0 to 1, got 1.1"),
        ({"xtc_threshold": -0.1}, "xtc_threshold: expected a number from 0 to 1, got -0.1"),
        ({"mirostat": 3}, "mirostat: expected a whole number from 0 to 2, got 3"),
        ({"mirostat_tau": "x"}, 'mirostat_tau: expected a number, got "x"'),
        ({"adaptive_target": 2}, "adaptive_target: expected a number of at most 1, got 2"),
        ({"adaptive_decay": 1}, "adaptive_decay: expected a number from 0 to 0.99, got 1"),
        ({"repeat_penalty": 0}, "repeat_penalty: expected a number above 0, got 0"),
        ({"repeat_last_n": -1}, "repeat_last_n: expected a whole number from 0 to 1048576, got -1"),
        ({"dry_penalty_last_n": -1}, "dry_penalty_last_n: expected a whole number from 0 to 1048576, got -1"),
        ({"dry_sequence_breakers": []}, "dry_sequence_breakers: expected a list of 1 to 256 strings"),
        ({"dry_sequence_breakers": ["a"] * 257}, "dry_sequence_breakers: expected a list of 1 to 256 strings"),
        ({"min_keep": -1}, "min_keep: expected a whole number of at least 0, got -1"),
        ({"seed": -2}, "seed: expected a whole number from -1 to 4294967295, got -2"),
        ({"seed": 2**32}, "seed: expected a whole number from -1 to 4294967295, got 4294967296"),
        ({"samplers": 5}, "samplers: expected a string or a list of strings, got 5"),
        ({"samplers": ["top_q"]}, "samplers.0: expected one of dry, top_k, top_p, min_p, typ_p"),
        ({"samplers": ["top_q"]}, "did you mean 'top_"),
        ({"samplers": "kz"}, "samplers: expected a letter for each sampler: d (dry), k (top_k)"),
        ({"logit_bias": 5}, "logit_bias: expected a list of [token, bias], or an object of token to bias, got 5"),
        ({"logit_bias": [5]}, "logit_bias.0: expected [token, bias], got 5"),
        ({"logit_bias": [[297, 1]]}, "logit_bias.0.0: expected a token, a whole number from 0 to 296, got 297"),
        ({"logit_bias": [[2**32 + 5, 1]]}, "logit_bias.0.0: expected a token"),
        ({"logit_bias": [[5, True]]}, "logit_bias.0.1: expected a number, or false to ban the token, got true"),
        ({"logit_bias": [[5, 1e39]]}, "logit_bias.0.1: expected"),
        ({"logit_bias": {"297": 1}}, "logit_bias: expected a token, a whole number from 0 to 296, got 297"),
        ({"logit_bias": {"": 1}}, "logit_bias: expected a token, by its number or its text"),
        ({"logit_bias": {"5": "x"}}, 'logit_bias.5: expected a number, or false to ban the token, got "x"'),
        ({"grammar_triggers": [{"type": 99, "value": "x"}]}, "grammar_triggers.0.type: expected 0 (a token) or 1"),
        ({"grammar_triggers": [{"type": 2, "value": "(a+)+"}]}, "grammar_triggers.0.type: expected 0 (a token) or 1"),
        ({"chat_parser": "{}"}, "chat_parser: expected none"),
    ],
)
def test_a_bad_value_is_refused_by_name(
    server: xlc.Server, door: OpenDoor, options: dict[str, Any], message: str
) -> None:
    opened = door(server)
    with pytest.raises(xlc.RequestError) as caught:
        opened.ask("/completion", {"prompt": "a", "n_predict": 1, **options})
    assert caught.value.status == 400
    assert message in str(caught.value)
    assert opened.ask("/completion", {"prompt": "a", "n_predict": 1})["content"]
