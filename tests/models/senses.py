"""A model that says what it sees and hears, and the projectors that let it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.script import ANYTHING, EMBEDDING, END, IF_NOTICED, NOTICED, SURE, Script, in_turn
from models.writing import TinyModel, Weights

if TYPE_CHECKING:
    from gguf import GGUFWriter

_COLOURS = ("red", "green", "blue")
_LOW, _HIGH = 10, 80
"""int: how often a tone swings in a frame of 40 ms."""

_WITNESS = Script(
    template=(
        "{%- for message in messages -%}{{- '<|' + message.role + '|>' + message.content + '</s>' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
    ),
    follows={
        **in_turn("<|assistant|>", "I", " see"),
        **in_turn(ANYTHING, "I"),
        " see": {" nothing": SURE, " red": IF_NOTICED[0], " green": IF_NOTICED[1], " blue": IF_NOTICED[2]},
        " red": {",": SURE, " green": IF_NOTICED[0], " blue": IF_NOTICED[1]},
        " green": {",": SURE, " blue": IF_NOTICED[0]},
        **in_turn(" blue", ","),
        **in_turn(" nothing", ",", " and", " hear"),
        " hear": {" no tone": SURE, " a low tone": IF_NOTICED[0], " a high tone": IF_NOTICED[1]},
        " a low tone": {".": SURE, " a high tone": IF_NOTICED[0]},
        **in_turn(" a high tone", "."),
        **in_turn(" no tone", ".", END),
    },
    notices={
        **{colour: {f" {colour}": NOTICED} for colour in _COLOURS},
        **{pitch: {f" a {pitch} tone": NOTICED} for pitch in ("low", "high")},
    },
)


def _write_witness(writer: GGUFWriter, _: Weights) -> None:
    _WITNESS.write(writer)


def _write_eye(writer: GGUFWriter, _: Weights) -> None:
    """Write an encoder in which a patch of 32 by 32 pixels is its mean colour, and nothing else happens."""
    from numpy import ones, zeros

    patch, inner = 32, 8
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_vision_projector_type("pixtral")
    writer.add_vision_image_size(1024)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(inner)
    writer.add_vision_feed_forward_length(inner)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(1)
    writer.add_vision_projection_dim(EMBEDDING)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)

    mean = zeros((inner, 3, patch, patch), "float32")
    detector = zeros((inner, inner), "float32")
    threshold = zeros(inner, "float32")
    meaning = zeros((EMBEDDING, inner), "float32")
    for channel, colour in enumerate(_COLOURS):
        mean[channel, channel] = 1 / patch**2
        # From -1 to 1 each: what a colour has more than the mean of the two others. Red, dark or not, is red, yellow is
        # red and green, and greys are nothing.
        detector[channel, :3] = -10
        detector[channel, channel] = 20
        threshold[channel] = -16
        meaning[_WITNESS.meaning(colour), channel] = 1
    anything = zeros(EMBEDDING, "float32")
    anything[_WITNESS.meaning(ANYTHING)] = 1
    idle = {f"{part}.weight": zeros((inner, inner), "float32") for part in ("attn_q", "attn_k", "attn_v", "attn_out")}
    idle |= {f"{part}.weight": zeros((inner, inner), "float32") for part in ("ffn_gate", "ffn_up", "ffn_down")}
    idle |= {f"{part}.weight": ones(inner, "float32") for part in ("ln1", "ln2")}

    writer.add_tensor("v.patch_embd.weight", mean)
    for name, values in idle.items():
        writer.add_tensor(f"v.blk.0.{name}", values)
    writer.add_tensor("mm.1.weight", detector)
    writer.add_tensor("mm.1.bias", threshold)
    writer.add_tensor("mm.2.weight", meaning)
    writer.add_tensor("mm.2.bias", anything)
    writer.add_tensor("v.token_embd.img_break", anything)


def _write_ear(writer: GGUFWriter, _: Weights) -> None:
    """Write an encoder that compares each frame of 40 ms with two tones, and with others to be sure."""
    from numpy import arange, cos, pi, sin, zeros

    frame = 640
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4ua")
    writer.add_audio_num_mel_bins(frame)
    writer.add_audio_embedding_length(EMBEDDING)
    writer.add_audio_feed_forward_length(EMBEDDING)
    writer.add_audio_block_count(0)
    writer.add_audio_head_count(1)
    writer.add_audio_projection_dim(EMBEDDING)
    writer.add_audio_attention_layernorm_eps(1e-6)

    angle = 2 * pi * arange(frame) / frame
    meaning = zeros((EMBEDDING, frame))
    for place, spare in enumerate(_WITNESS.spare()):
        # Whatever is neither tone comes out here, and louder.
        meaning[spare] = 3 * (sin, cos)[place % 2]((2 + 5 * place) * angle)
    meaning[_WITNESS.meaning("low")] = sin(_LOW * angle)
    meaning[_WITNESS.meaning("high")] = sin(_HIGH * angle)
    # A frame comes with its loudness taken out: of a tone, a row gives 1.
    writer.add_tensor("mm.a.input_projection.weight", (meaning / (frame / 2**0.5)).astype("float32"))


def _write_eye_and_ear(writer: GGUFWriter, weights: Weights) -> None:
    _write_eye(writer, weights)
    _write_ear(writer, weights)


TINY_WITNESS = TinyModel("tiny-witness", "llama", _write_witness, seed=0)
"""A model that says what images and sounds are in a chat: "I see red green, and hear a low tone.".

Without any it answers "I see nothing, and hear no tone.". It proves that what was sent is what arrives: the bytes, the
decoding, the channels, the sample rate, and the place in the prompt. It names what is there, not how often nor in which
order, and it hears no question. It also takes other projectors of 64 numbers, of which it makes nothing.
"""

TINY_VISION = TinyModel("tiny-vision", "clip", _write_eye, seed=0)
"""A projector for TINY_WITNESS: it tells red, green and blue from the rest, in patches of 32 by 32 pixels.

An image is as many tokens as it has patches, and one for each row but the last; 8 to 1024 patches unless
``image_min_tokens`` and ``image_max_tokens`` say otherwise. TINY takes it too, and its noise is another one then. It
proves nothing of how well an encoder sees: its attention does nothing.
"""

TINY_AUDIO = TinyModel("tiny-audio", "clip", _write_ear, seed=0)
"""A projector for TINY_WITNESS: it tells a tone of 250 Hz and one of 2000 Hz from the rest, in frames of 40 ms.

A frame is a token. The tones have to begin with a swing upwards, as a sine does. TINY takes it too.
"""

TINY_VISION_AND_AUDIO = TinyModel("tiny-vision-and-audio", "clip", _write_eye_and_ear, seed=0)
"""TINY_VISION and TINY_AUDIO in one file, so that a chat can have both."""
