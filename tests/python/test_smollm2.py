"""What goes with the demo model in the tests: a draft, and an adapter."""

from __future__ import annotations

import pytest

import models
import xllamacpp as xlc

STORY = {
    "messages": [{"role": "user", "content": "Write a two sentence story about a robot."}],
    "max_tokens": 64,
    "temperature": 0,
}


@pytest.fixture
def tell(params, demo_model):
    """Have the demo model tell the story on a server with these fields, and return the answer."""

    def ask(**fields):
        with xlc.Server(params(demo_model, n_parallel=1, **fields)) as server:
            return server.handle_chat_completions(STORY)

    return ask


def text(answer):
    return answer["choices"][0]["message"]["content"]


@pytest.fixture(scope="module")
def story(params, demo_model):
    with xlc.Server(params(demo_model, n_parallel=1)) as server:
        return text(server.handle_chat_completions(STORY))


def test_draft_is_right_about_half_of_the_time(tell, story):
    draft = {
        "types": [xlc.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE],
        "draft": {"mparams": {"path": models.derived(models.SMOLLM2_DRAFT)}},
    }
    answer = tell(speculative=draft)
    assert text(answer) == story
    accepted = answer["timings"]["draft_n_accepted"] / answer["timings"]["draft_n"]
    assert 0.25 < accepted < 0.9


def test_adapter_counts_by_its_scale(tell, story):
    def scaled(scale):
        return text(tell(lora_adapters=[{"path": models.tiny(models.SMOLLM2_LORA), "scale": scale}]))

    assert scaled(0) == story
    assert scaled(1) != story
    assert "robot" in scaled(1)
