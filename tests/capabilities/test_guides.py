"""The guide's pages: each program in them runs as printed, on a model that fits it, and what they name is there."""

from __future__ import annotations

import operator
import re
from pathlib import Path

import pytest

import media
import models
import xllamacpp as xlc
from python.document import fenced_snippets, programs, run_program
from xllamacpp import BUILD_INFO
from xllamacpp._native import _core
from xllamacpp.cli.serve import command as serve

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"

# What they are about is on a real model. The tiny one will do for the rest.
ON_THE_DEMO_MODEL = ("structured_output.md", "tools.md")

OTHERS = {
    "adapter.gguf": models.TINY_LORA,
    "bge-reranker-v2-m3-Q2_K.gguf": models.TINY_RERANKER,
    "coder.gguf": models.TINY_FIM,
    "draft.gguf": models.TINY_DRAFT,
    "mmproj-tinygemma3.gguf": models.TINY_VISION,
    "Qwen3-Embedding-0.6B-Q8_0.gguf": models.TINY_ENCODER,
    "thinker.gguf": models.TINY_REASONING,
    "tinygemma3-Q8_0.gguf": models.TINY_WITNESS,
}


def found():
    """Find the programs: not the pieces of one, and not the clients of a server that runs elsewhere."""
    for page in sorted(GUIDE.glob("*.md")):
        for program in programs(fenced_snippets(page.read_text(encoding="utf-8"))):
            if program.is_whole and "base_url" not in program.source():
                yield pytest.param(page.name, program, id=f"{page.name} line {program.snippets[0].line}")


@pytest.mark.skipif(BUILD_INFO["llguidance"] is None, reason="some have a grammar in Lark")
@pytest.mark.parametrize(("page", "program"), list(found()))
def test_block_runs_as_printed(page, program, demo_model, tmp_path):
    (tmp_path / "cat.png").write_bytes(media.png("red"))
    model = demo_model if page in ON_THE_DEMO_MODEL else models.tiny(models.TINY)
    output = run_program(program.source(), model, tmp_path, {name: models.tiny(each) for name, each in OTHERS.items()})
    assert output or "print(" not in program.source()
    assert "Traceback" not in output


def words(pattern):
    """Find what the pages name in this way."""
    pages = [page.read_text(encoding="utf-8") for page in sorted(GUIDE.glob("*.md"))]
    return sorted(set(re.findall(pattern, "\n".join(pages), re.MULTILINE)))


@pytest.mark.parametrize("path", words(r"\bparams\.([a-z_][\w.]*\w)"))
def test_there_is_the_field(path):
    operator.attrgetter(path)(xlc.CommonParams())


# curl's own, and one that every command has.
@pytest.mark.parametrize(
    "flag", [flag for flag in words(r"(?<![\w-])--[a-z][a-z-]+") if flag not in ("--json", "--help")]
)
def test_there_is_the_flag(flag):
    assert re.search(rf"(?<![\w-]){flag}(?![\w-])", f"{_core.Params.usage()}\n{serve.help}")


def test_the_pages_have_programs():
    pages = {parameters.values[0] for parameters in found()}
    fragments = {"context.md", "prompt_cache.md", "slots.md"}
    assert pages == {page.name for page in GUIDE.glob("*.md")} - fragments - {"README.md"}
