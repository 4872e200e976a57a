"""What goes with the demo model in the tests: a draft, and an adapter."""

from __future__ import annotations

import pytest

import models
import xllamacpp as xlc

QUESTIONS = ("Write a two sentence story about a robot.", "What is the sea?", "List three colours.")


@pytest.fixture(scope="module")
def answer(params, demo_model):
    """Have the demo model answer the questions on a server with these fields."""

    def ask(**fields):
        with xlc.Server(params(demo_model, n_parallel=1, **fields)) as server:
            requests = [
                {"messages": [{"role": "user", "content": question}], "max_tokens": 48, "temperature": 0}
                for question in QUESTIONS
            ]
            return [server.handle_chat_completions(request) for request in requests]

    return ask


def texts(answers):
    return [answer["choices"][0]["message"]["content"] for answer in answers]


@pytest.fixture(scope="module")
def plain(answer):
    return texts(answer())


def test_draft_is_right_four_times_in_ten(answer, plain):
    draft = {
        "types": [xlc.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE],
        "draft": {"mparams": {"path": models.derived(models.SMOLLM2_DRAFT)}},
    }
    answers = answer(speculative=draft)
    assert texts(answers) == plain
    drafted, accepted = (sum(answer["timings"][name] for answer in answers) for name in ("draft_n", "draft_n_accepted"))
    assert 0.25 < accepted / drafted < 0.6


def test_adapter_counts_by_its_scale(answer, plain):
    def scaled(scale):
        return texts(answer(lora_adapters=[{"path": models.tiny(models.SMOLLM2_LORA), "scale": scale}]))

    assert scaled(0) == plain
    changed = scaled(1)
    assert changed != plain
    assert "robot" in changed[0]
    assert "sea" in changed[1]
