"""Which files of a repository make up a model."""

from __future__ import annotations

import pytest

import xllamacpp as xlc
from xllamacpp.models import files

SPLIT = [f"Q8_0/big-Q8_0-0000{part}-of-00003.gguf" for part in (1, 2, 3)]


@pytest.mark.parametrize(
    ("paths", "quant", "chosen"),
    [
        (["m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf"], "", "m-Q4_K_M.gguf"),
        (["m-F16.gguf", "m-Q8_0.gguf"], "", "m-Q8_0.gguf"),
        (["README.md", "m-F16.gguf", "m-Q2_K.gguf"], "", "m-F16.gguf"),
        (["m-Q4_K_M.gguf", "m-Q8_0.gguf"], "q8_0", "m-Q8_0.gguf"),
        (["m.Q4_K_M.gguf", "m.Q8_0.gguf"], "Q8_0", "m.Q8_0.gguf"),
        (["mmproj-Q4_K_M.gguf", "m.imatrix-Q4_K_M.gguf", "mtp-m-Q4_K_M.gguf", "m-Q8_0.gguf"], "", "m-Q8_0.gguf"),
        (["m-Q4_K_M.gguf", *SPLIT], "Q8_0", SPLIT[0]),
        # Parts may be listed in any order.
        (SPLIT[::-1], "", SPLIT[0]),
    ],
)
def test_the_quantization_decides_as_in_llama_cpp(paths, quant, chosen):
    assert files.choose(paths, quant) == chosen


def test_a_quantization_that_is_not_there_is_told_from_those_that_are():
    with pytest.raises(xlc.ModelNotFoundError, match=r"no quantization Q8_1 \(it has Q4_K_M, Q8_0\); did you mean"):
        files.choose(["m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-F16.gguf"], "Q8_1")


def test_a_pattern_is_no_quantization():
    with pytest.raises(xlc.ModelNotFoundError):
        files.choose(["m-Q8_0.gguf"], "Q.*")


@pytest.mark.parametrize("paths", [[], ["model.safetensors"], ["mmproj-F16.gguf"]])
def test_a_repository_without_models_says_what_may_help(paths):
    with pytest.raises(xlc.ModelNotFoundError, match="-GGUF"):
        files.choose(paths)


def test_all_parts_come_in_order():
    assert files.all_parts([*SPLIT[::-1], "other-Q8_0-00001-of-00003.gguf"], SPLIT[0]) == SPLIT
    assert files.all_parts(SPLIT, "m.gguf") == ["m.gguf"]


def test_a_missing_part_is_an_error():
    with pytest.raises(xlc.ModelNotFoundError, match="of 3 parts"):
        files.all_parts(SPLIT[:2], SPLIT[0])


def test_a_missing_file_is_told_from_the_nearest():
    with pytest.raises(xlc.ModelNotFoundError, match=r"did you mean m-Q8_0\.gguf"):
        files.check_has(["README.md", "m-Q8_0.gguf"], "m-Q8.gguf")


@pytest.mark.parametrize(
    ("paths", "model", "projector"),
    [
        (["m-Q4_K_M.gguf"], "m-Q4_K_M.gguf", ""),
        # The number of bits that is nearest; of two as near the first.
        (["mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-Q8_0.gguf"], "m-Q4_K_M.gguf", "mmproj-Q8_0.gguf"),
        (["mmproj-BF16.gguf", "mmproj-F16.gguf"], "m-F16.gguf", "mmproj-BF16.gguf"),
        # The folder of the model, then those above it, and no other.
        (["mmproj-Q4_0.gguf", "a/mmproj-F16.gguf"], "a/m-Q4_K_M.gguf", "a/mmproj-F16.gguf"),
        (["mmproj-F16.gguf", "b/mmproj-Q4_0.gguf"], "a/m-Q4_K_M.gguf", "mmproj-F16.gguf"),
        (["b/mmproj-Q4_0.gguf", "mmproj.txt"], "a/m-Q4_K_M.gguf", ""),
    ],
)
def test_the_projector_is_the_one_that_llama_cpp_takes(paths, model, projector):
    assert files.sibling([model, *paths], model, files.MMPROJ) == projector


def test_a_draft_head_of_exactly_the_quantization_comes_first():
    paths = ["mtp-m-Q4_0.gguf", "mtp-m-Q4_K_M.gguf"]
    assert files.sibling(paths, "m-Q4_K_M.gguf", "mtp-") == "mtp-m-Q4_0.gguf"
    assert files.sibling(paths, "m-Q4_K_M.gguf", "mtp-", "q4_k_m") == "mtp-m-Q4_K_M.gguf"
    assert files.sibling(paths, "", "mtp-", "Q4_K_M") == "mtp-m-Q4_K_M.gguf"
