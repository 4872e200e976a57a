"""Images and sounds that are small to send and would be large to decode, or that are not what they say."""

from __future__ import annotations

import struct
import zlib

_MEGABYTE = bytes(1 << 20)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, packed: bytes, *, depth: int = 8, colour: int = 0, woven: bool = False) -> bytes:
    """Return a PNG that claims a size, whatever is packed in it."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(woven))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def black_png(width: int, height: int) -> bytes:
    """Return a grey image that is all there, and packed as small as can be."""
    packer = zlib.compressobj(9)
    rows = (packer.compress(bytes(1 + width)) for _ in range(height))
    return png_of(width, height, b"".join([*rows, packer.flush()]))


def overfull(megabytes: int) -> bytes:
    """Return packed zeros that unpack to this much: 1 MB, packed once and repeated."""
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(_MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * megabytes + packer.flush()


def wav_of(
    samples: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, form: int = 1, claimed: int | None = None
) -> bytes:
    """Return a WAV that claims so many bytes of samples, whatever is in it."""
    size = len(samples) if claimed is None else claimed
    frame = channels * bits // 8
    described = struct.pack("<HHIIHH", form, channels, rate, min(rate * frame, 2**32 - 1), frame, bits)
    riff = struct.pack("<I", min(36 + size, 2**32 - 1))
    return (
        b"RIFF" + riff + b"WAVEfmt " + struct.pack("<I", 16) + described + b"data" + struct.pack("<I", size) + samples
    )


def flac_claiming(samples: int, rate: int = 16_000) -> bytes:
    """Return the beginning of a FLAC that claims so many samples of 16 bits, and has none."""
    described = struct.pack(">HH", 4096, 4096) + bytes(6)
    described += ((rate << 44) | (0 << 41) | (15 << 36) | samples).to_bytes(8, "big") + bytes(16)
    return b"fLaC" + b"\x80" + len(described).to_bytes(3, "big") + described
