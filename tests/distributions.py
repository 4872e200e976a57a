"""What could have been chosen as the next token, and how likely each of it was."""

from __future__ import annotations

from typing import Any

from doors import Door

Distribution = dict[int, float]

PROMPT = "the inn on the other the hat"
"""str: what is read first. One token of it stands there three times."""

NEUTRAL: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 3}
"""dict: options that leave the distribution as the model gives it."""


def distribution(opened: Door, *, is_streamed: bool = False, place: int = 0, **options: Any) -> Distribution:
    """Return what the samplers left of TINY's vocabulary at a place of an answer, the likeliest first.

    Parameters
    ----------
    opened : Door
        The way to a server of TINY.
    is_streamed : bool
        Whether the answer shall come in chunks.
    place : int
        Which token of the answer; 0 is the first.
    **options : object
        Of the request, over ``NEUTRAL``.
    """
    body = {
        "prompt": PROMPT,
        "n_predict": place + 1,
        "n_probs": 297,
        "post_sampling_probs": True,
        **NEUTRAL,
        **options,
    }
    if is_streamed:
        chunks = opened.stream("/completion", body)
        reports = [report for chunk in chunks for report in chunk.get("completion_probabilities", [])]
    else:
        reports = opened.ask("/completion", body)["completion_probabilities"]
    return {token["id"]: token["prob"] for token in reports[place]["top_probs"]}


def scaled(weights: Distribution) -> Distribution:
    """Make weights add up to one."""
    total = sum(weights.values())
    return {token: weight / total for token, weight in weights.items()}
