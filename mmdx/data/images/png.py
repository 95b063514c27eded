"""Whether a PNG is whole: Pillow fills up with black what its pixels lack, and looks for no end.

Chunks and their order are those of the PNG specification (ISO/IEC 15948), the number of bytes per pass of its Adam7.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a pixel, by colour type."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Left, upper, and the steps to the right and down, of each pass of an interlaced image."""
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"tRNS")
"""Chunks without which an image looks otherwise."""
_STEP = 2**16
_MOST_SPARE = 2**16
"""Bytes behind the pixels that are passed over, as libpng does: some writers leave a row too many."""


def check_chunks(file: io.BufferedIOBase) -> None:
    """Raises `ValueError` where chunks are cut short, or the file does not begin with its header and have an end."""
    chunks = list(_chunks(file))
    names = [name for name, _, _ in chunks]
    file.seek(chunks[0][1] + 9)
    colour, *methods = file.read(4)
    if methods[:2] != [0, 0] or methods[2] > 1:
        raise ValueError("a PNG of unknown methods")
    palettes = names.count(b"PLTE")
    if palettes > 1 or (palettes == 0 and colour == 3):
        raise ValueError("a PNG that needs one palette")
    if names[:1] != [b"IHDR"] or names.count(b"IHDR") != 1 or names[-1:] != [b"IEND"] or b"IDAT" not in names:
        raise ValueError("a PNG whose parts are not whole, or not in their order")
    if any(names.index(name) > names.index(b"IDAT") for name in (b"PLTE", b"tRNS") if name in names):
        raise ValueError("a PNG whose colours stand behind its pixels")


def check_pixels(file: io.BufferedIOBase) -> None:
    """Raises `ValueError` where a PNG, of whole chunks, has other bytes than its pixels take, or where a sum
    by which damage is told does not fit."""
    needed, stream, count = 0, zlib.decompressobj(), 0
    for name, start, size in _chunks(file):
        for raw in _blocks(file, name, start, size) if name in _CRITICAL else ():
            if name == b"IHDR":
                needed = _needed(raw)
            while name == b"IDAT" and raw and count <= needed + _MOST_SPARE:
                count += len(stream.decompress(raw, 16 * _STEP))
                raw = stream.unconsumed_tail
    if not stream.unconsumed_tail:  # else it would be unpacked without a bound
        count += len(stream.flush())
    if count < needed or not stream.eof:
        raise ValueError(f"{count} bytes of pixels{'' if stream.eof else ' without an end'}, {needed} expected")


def _blocks(file: io.BufferedIOBase, name: bytes, start: int, size: int) -> Iterator[bytes]:
    """The content of a chunk; `ValueError` at its end where its check sum does not fit."""
    file.seek(start)
    found = zlib.crc32(name)
    for at in range(0, size, _STEP):
        block = file.read(min(_STEP, size - at))
        found = zlib.crc32(block, found)
        yield block
    if found != int.from_bytes(file.read(4), "big"):
        raise ValueError(f"a PNG with damage in {name.decode()}: its check sum does not fit")


def _chunks(file: io.BufferedIOBase) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and length of each chunk, up to the end."""
    at = len(SIGNATURE)
    file.seek(0, 2)
    end = file.tell()
    while True:
        file.seek(at)
        head = file.read(8)
        size = int.from_bytes(head[:4], "big")
        if len(head) < 8 or at + 12 + size > end:
            raise ValueError("a PNG that is cut short")
        yield head[4:], at + 8, size
        if head[4:] == b"IEND":
            return
        at += 12 + size


def _needed(header: bytes) -> int:
    """The bytes of all rows, each with that of its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = _SAMPLES[colour] * depth
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    sizes = [(-(-(width - x) // right), -(-(height - y) // down)) for x, y, right, down in _PASSES]
    return sum(down * (1 + (across * bits + 7) // 8) for across, down in sizes if across > 0 and down > 0)
