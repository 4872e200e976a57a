"""What the suite finds on its hub: stand-ins under the names that it asks for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hub_server import Repository
from llama_cpp_suite.encoders import ENCODER, RERANKER
from llama_cpp_suite.sights import png, write_projector
from llama_cpp_suite.stories import Story
from llama_cpp_suite.vocabulary import Vocabulary
from models import TINY_LORA, tiny

_STORY = Story()
_INFILL = Story(vocabulary=Vocabulary(control=("<pre>", "<suf>", "<mid>")))
# Its tests fill a context with one word.
_ONE_WORD = Vocabulary(more=("▁He", "▁Hello"))
_MIXTURE = Story(vocabulary=_ONE_WORD, has_experts=True)
_DRAFT = Story(vocabulary=_ONE_WORD, seed=1)
_SEEING = Story(architecture="gemma3")

_PRESET = b"""\
[tinygemma3-preset]
hf = ggml-org/tinygemma3-GGUF:Q8_0

[stories260K-test]
hf = ggml-org/test-model-stories260K
"""


def repositories() -> dict[str, Repository]:
    """Make all repositories that the fast tests of the suite ask for."""
    return {
        "ggml-org/test-model-stories260K": Repository({"stories260K-f32.gguf": _file(_STORY.write)}),
        "ggml-org/test-model-stories260K-infill": Repository({"stories260K-infill-f32.gguf": _file(_INFILL.write)}),
        "ggml-org/test-model-router-download": Repository({"model-F16.gguf": _file(_STORY.write)}),
        "ggml-org/test-preset-ci": Repository({"preset.ini": _PRESET}),
        "ggml-org/models": Repository(
            {
                "bert-bge-small/ggml-model-f16.gguf": tiny(ENCODER).read_bytes(),
                "jina-reranker-v1-tiny-en/ggml-model-f16.gguf": tiny(RERANKER).read_bytes(),
                **_parts("tinyllamas/split/stories15M-q8_0"),
            }
        ),
        "ggml-org/stories15M_MOE": Repository(
            {
                "stories15M_MOE-F16.gguf": _file(_MIXTURE.write),
                "moe_shakespeare15M.gguf": tiny(TINY_LORA).read_bytes(),
            }
        ),
        "ggml-org/tiny-llamas": Repository({"stories15M-q4_0.gguf": _file(_DRAFT.write)}),
        "ggml-org/tinygemma3-GGUF": Repository(
            {
                "tinygemma3-Q8_0.gguf": _file(_SEEING.write),
                "mmproj-tinygemma3.gguf": _file(write_projector),
                "test/11_truck.png": png(0),
                "test/91_cat.png": png(1),
            }
        ),
    }


def _file(write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.gguf")
        write(path)
        return path.read_bytes()


def _parts(name: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        _STORY.write(Path(folder, "model.gguf"), parts=3)
        return {path.name.replace("model", name): path.read_bytes() for path in sorted(Path(folder).iterdir())}
