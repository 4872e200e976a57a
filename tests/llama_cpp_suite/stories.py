"""Stand-ins for the language models that llama.cpp's suite asks for: random numbers in the shape of each.

At the end of most prompts they say all the words that a test may want to read, as one token. What comes after that is
noise, in which every number of the caches has its part: a state that was saved and restored wrongly is another text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from llama_cpp_suite.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy

EMBEDDING = 64
_HEADS = 2
_FEED_FORWARD = 128
_CONTEXT = 2048
_WINDOW = 128
_EXPERTS = 4

# What is said after a prompt that ends so, and after no other: some tests want noise at once.
_ENDS = ("<0x0A>", "is", "ed", "?", "llo", "ss")

# Two numbers of an embedding are kept out of everything: whether it is time to say the words, and 1.
_TIME, _ONE = range(2)
_LOUD = 3.0


@dataclass(frozen=True)
class Story:
    """A language model.

    Parameters
    ----------
    architecture : str
        llama.cpp's name for it: ``llama`` or ``gemma3``.
    vocabulary : Vocabulary
        Its tokens.
    has_experts : bool, optional
        Whether each layer is a mixture.
    seed : int, optional
        Where its random numbers start.
    """

    architecture: str = "llama"
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    has_experts: bool = False
    seed: int = 0

    def write(self, path: Path, parts: int = 1) -> None:
        """Write the model.

        Parameters
        ----------
        path : Path
            Its file.
        parts : int, optional
            How many files to part it into; their names are llama.cpp's.
        """
        from gguf import GGUFWriter

        tensors = dict(self._tensors())
        per_part = -(-len(tensors) // parts) if parts > 1 else 0
        writer = GGUFWriter(path, self.architecture, split_max_tensors=per_part)
        self._add_metadata(writer)
        for name, values in tensors.items():
            writer.add_tensor(name, values.astype("float32"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def _add_metadata(self, writer: object) -> None:
        writer.add_block_count(2)
        writer.add_context_length(_CONTEXT)
        writer.add_embedding_length(EMBEDDING)
        writer.add_feed_forward_length(_FEED_FORWARD)
        writer.add_head_count(_HEADS)
        writer.add_head_count_kv(_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        if self.architecture == "gemma3":
            writer.add_sliding_window(_WINDOW)
        else:
            writer.add_rope_dimension_count(EMBEDDING // _HEADS)
        if self.has_experts:
            writer.add_expert_count(_EXPERTS)
            writer.add_expert_used_count(2)
        self.vocabulary.write(writer)
        for part in ("pre", "suf", "mid"):
            if (token := f"<{part}>") in self.vocabulary.control:
                writer.add_uint32(f"tokenizer.ggml.fim_{part}_token_id", self.vocabulary.number(token))

    def _tensors(self) -> Iterator[tuple[str, numpy.ndarray]]:
        from numpy import ones
        from numpy.random import RandomState

        # Frozen, as numpy's newer generators are not: the same numbers everywhere.
        random = RandomState(self.seed)

        def numbers(*shape: int) -> numpy.ndarray:
            return 0.3 * random.standard_normal(shape)

        def into_stream(*shape: int) -> numpy.ndarray:
            """Make a matrix that leaves the two numbers alone; the last but one dimension is what comes out."""
            values = numbers(*shape)
            values[..., (_TIME, _ONE), :] = 0
            return values

        tokens = len(self.vocabulary.tokens)
        embedding, output = numbers(tokens, EMBEDDING), numbers(tokens, EMBEDDING) / 2
        embedding[:, _TIME], embedding[:, _ONE] = -_LOUD, _LOUD
        for end in (*_ENDS, *self.vocabulary.control):
            embedding[self.vocabulary.number(end), _TIME] = _LOUD
        output[:, _TIME], output[:, _ONE] = 0, -10
        output[self.vocabulary.noise, _ONE] = 0
        output[self.vocabulary.said] = 0
        output[self.vocabulary.said, _TIME] = 80
        yield "token_embd.weight", embedding
        yield "output_norm.weight", ones(EMBEDDING)
        yield "output.weight", output
        experts = (_EXPERTS,) if self.has_experts else ()
        suffix = "_exps" if experts else ""
        for block in ("blk.0", "blk.1"):
            yield f"{block}.attn_norm.weight", ones(EMBEDDING)
            for part in ("attn_q", "attn_k", "attn_v"):
                yield f"{block}.{part}.weight", numbers(EMBEDDING, EMBEDDING)
            yield f"{block}.attn_output.weight", into_stream(EMBEDDING, EMBEDDING)
            yield f"{block}.ffn_norm.weight", ones(EMBEDDING)
            if experts:
                yield f"{block}.ffn_gate_inp.weight", numbers(_EXPERTS, EMBEDDING)
            yield f"{block}.ffn_gate{suffix}.weight", numbers(*experts, _FEED_FORWARD, EMBEDDING)
            yield f"{block}.ffn_up{suffix}.weight", numbers(*experts, _FEED_FORWARD, EMBEDDING)
            yield f"{block}.ffn_down{suffix}.weight", into_stream(*experts, EMBEDDING, _FEED_FORWARD)
            if self.architecture == "gemma3":
                for part in ("attn_q_norm", "attn_k_norm"):
                    yield f"{block}.{part}.weight", ones(EMBEDDING // _HEADS)
                for part in ("post_attention_norm", "post_ffw_norm"):
                    yield f"{block}.{part}.weight", ones(EMBEDDING)
