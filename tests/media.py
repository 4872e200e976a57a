"""Images and sounds for requests, made here: of one colour, of one tone."""

from __future__ import annotations

import array
import base64
import io
import math
import struct
import wave
import zlib

import soundfile

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
}
"""dict of str to tuple of int: what a model of the tests can tell apart, and what it cannot."""

LOW, HIGH = 250, 2000
"""int: the tones that a model of the tests can tell apart, in Hz."""


def png(colour: str, width: int = 96, height: int = 96) -> bytes:
    """Return an image of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = (b"\0" + bytes(COLOURS[colour]) * width) * height
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(hertz: int, seconds: float = 0.4, rate: int = 16_000, channels: int = 1) -> bytes:
    """Return a sound of one tone; of 0 Hz, silence."""
    samples = array.array("h")
    for sample in range(round(seconds * rate)):
        samples.extend([round(20_000 * math.sin(2 * math.pi * hertz * sample / rate))] * channels)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def compressed(sound: bytes, form: str) -> bytes:
    """Return a WAV sound as FLAC or MP3."""
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form)
    return file.getvalue()


def packed(content: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(content).decode()


def image_part(image: bytes, kind: str = "image/png") -> dict[str, object]:
    """Return the part of a chat message that holds an image."""
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{packed(image)}"}}


def sound_part(sound: bytes, form: str = "wav") -> dict[str, object]:
    """Return the part of a chat message that holds a sound."""
    return {"type": "input_audio", "input_audio": {"data": packed(sound), "format": form}}
