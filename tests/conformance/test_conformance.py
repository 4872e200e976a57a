"""A live server beside its OpenAPI document: schemathesis sends what fits the document and what does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import models
from xllamacpp.openapi import document

pytestmark = pytest.mark.conformance

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("XLLAMACPP_CONFORMANCE_EXAMPLES", "20")
KEY = "conformance"
SLOTS = 2
FILLING = ",".join(
    f"tokenizer.ggml.fim_{part}_token_id=int:{token}" for token, part in enumerate(("pre", "suf", "mid"), 3)
)


@dataclass(frozen=True)
class Kind:
    """A kind of server, and what it is asked.

    Parameters
    ----------
    model : TinyModel
        The model.
    flags : tuple of str
        What it is started with.
    tags : tuple of str
        The tags of the operations that are its own.
    """

    model: models.TinyModel
    flags: tuple[str, ...]
    tags: tuple[str, ...]


KINDS = {
    "generation": Kind(
        models.TINY,
        ("--metrics", "--props", "--slots", "--override-kv", FILLING),
        ("generation", "tokens", "state", "streams", "page"),
    ),
    "embedding": Kind(models.TINY_ENCODER, ("--embeddings",), ("vectors",)),
    "reranking": Kind(models.TINY_RERANKER, ("--reranking",), ("vectors",)),
}


@contextmanager
def serving(kind: Kind, folder: Path) -> Iterator[str]:
    """Serve, and give the address; what is not there any more afterwards has crashed."""
    (folder / "slots").mkdir()
    command = [sys.executable, "-m", "xllamacpp", "serve", "--port", "0", "--model", str(models.tiny(kind.model))]
    command += ["--ctx-size", "512", "--parallel", str(SLOTS), "--predict", "16", "--api-key", KEY]
    command += ["--slot-save-path", f"{folder / 'slots'}/", *kind.flags]
    log = folder / "log.txt"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8")
    with process:
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on "), log.read_text()
            address = line.split()[-1]
            yield address
            assert process.poll() is None, f"the server has crashed:\n{log.read_text()[-5000:]}"
            with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
                assert answer.status == 200
        finally:
            process.kill()


def described(kind: Kind, n_vocab: int) -> dict[str, Any]:
    """Return the document as it is for this server: its limits, and what its model can take."""
    whole = document()
    whole["security"] = [{"bearer": []}]
    seen = []
    for path, item in list(whole["paths"].items()):
        operation = item.get("get") or item["post"]
        # A route by another name is the same route.
        without_names = {**operation, "operationId": ""}
        if not set(operation["tags"]) & set(kind.tags) or without_names in seen:
            del whole["paths"][path]
        seen.append(without_names)
    schemas = whole["components"]["schemas"]
    schemas["Length"]["properties"]["n"]["maximum"] = SLOTS
    schemas["Prompt"]["anyOf"][1]["items"] = {
        "anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0, "maximum": n_vocab - 1}]
    }
    # There is no model here that sees or hears: llama.cpp answers 500 to an image, and to a broken form without a body.
    whole["paths"].pop("/v1/audio/transcriptions", None)
    del schemas["PromptObject"]["properties"]["multimodal_data"]
    del schemas["ContentPart"]["oneOf"][1:]
    del schemas["InputItem"]["anyOf"][0]["properties"]["content"]["anyOf"][1]["items"]["anyOf"][1]
    del schemas["MessagesContent"]["anyOf"][1]["items"]["oneOf"][1]
    return whole


@pytest.mark.parametrize("name", KINDS)
def test_the_server_does_what_its_document_says(name, tmp_path):
    kind = KINDS[name]
    file = tmp_path / "openapi.json"
    with serving(kind, tmp_path) as address:
        request = urllib.request.Request(f"{address}/v1/models", headers={"X-Api-Key": KEY})
        with urllib.request.urlopen(request, timeout=60) as answer:
            n_vocab = json.load(answer)["data"][0]["meta"]["n_vocab"]
        file.write_text(json.dumps(described(kind, n_vocab)), encoding="utf-8")
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
        command += [str(file), "--url", address, "--max-examples", EXAMPLES, "-H", f"Authorization: Bearer {KEY}"]
        done = subprocess.run(command, cwd=HERE)
    assert done.returncode == 0, f"schemathesis ended with {done.returncode}: see above"
