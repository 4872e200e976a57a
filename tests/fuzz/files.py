"""Files that the parameters may name: good ones, wrong ones, and a folder that may be written to."""

from __future__ import annotations

from pathlib import Path

import models


class Files:
    """The files of a run.

    Parameters
    ----------
    folder : Path
        Where those are put that are not models.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.joinpath("writable").mkdir(exist_ok=True)
        folder.joinpath("garbage").write_bytes(b"this is no model\n" * 100)
        whole = models.tiny(models.TINY).read_bytes()
        folder.joinpath("truncated.gguf").write_bytes(whole[: len(whole) // 2])

    def path(self, name: str) -> str:
        """Return the path of a tiny model by its name here, or of another file in the folder."""
        return str(models.tiny(_MODELS[name]) if name in _MODELS else self.folder / name)


_MODELS = {
    "model": models.TINY,
    "draft": models.TINY_DRAFT,
    "other vocabulary": models.TINY_OTHER_VOCABULARY,
    "lora": models.TINY_LORA,
    "encoder": models.TINY_ENCODER,
    "reranker": models.TINY_RERANKER,
}
