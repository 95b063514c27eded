"""What a compressed frame says of itself, held against the header: codecs decode one into the other without a word.

JPEG and JPEG-LS (ITU-T T.81, T.87) say it in their frame header, JPEG 2000 (T.800) in its marker SIZ, where its tiles
are told, too. RLE says nothing.
"""

from __future__ import annotations

import math
import struct

from pydicom import Dataset
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
"""The markers that begin a frame of JPEG; the last one is that of JPEG-LS."""
_BARE = (0x01, *range(0xD0, 0xD9))
"""Markers of JPEG without a length."""
_SOC_SIZ, _SOT, _END = b"\xff\x4f\xff\x51", 0xFF90, 0xFFD9
MOST_TILES = 2**12


def check_codestream(encoded: bytes, header: Dataset) -> None:
    """Raises `ValueError` where a compressed frame is of another size than the header says, or has no whole tiles."""
    syntax = header.file_meta.TransferSyntaxUID
    try:
        if syntax in JPEG2000TransferSyntaxes or syntax.name.startswith("High-Throughput JPEG 2000"):
            size, signed = _of_jpeg2000(encoded)
            if signed and header.get("PixelRepresentation") == 0:
                raise ValueError("its codestream holds numbers with a sign, its header says that there are none")
        elif syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
            size = _of_jpeg(encoded)
        else:
            return
    except (struct.error, IndexError):
        raise ValueError("its codestream ends within its header") from None
    said = (int(header.Columns), int(header.Rows), int(header.SamplesPerPixel))
    if size is not None and size != said:
        (width, height, samples), (columns, rows, count) = size, said
        raise ValueError(
            f"its codestream holds {width} x {height} pixels of {samples} sample(s), its header says {columns} x "
            f"{rows} of {count}"
        )


def _of_jpeg(encoded: bytes) -> tuple[int, int, int] | None:
    """Width, height and samples; None where the height comes behind the pixels."""
    at = 2
    while True:
        if encoded[at] != 0xFF:
            raise ValueError("its codestream has no frame header")
        marker = encoded[at + 1]
        if marker == 0xFF:  # filled up
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width, samples = struct.unpack_from(">HHB", encoded, at + 5)
            return (width, height, samples) if width and height else None
        elif marker in (0xD9, 0xDA):
            raise ValueError("its codestream has no frame header")
        else:
            at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]


def _of_jpeg2000(encoded: bytes) -> tuple[tuple[int, int, int], bool]:
    """Width, height and samples, and whether any of these has a sign. Raises `ValueError` where samples are coarser
    than pixels, and for missing tiles."""
    start = encoded.find(_SOC_SIZ)
    if start < 0:
        raise ValueError("its codestream has no size")
    length = struct.unpack_from(">H", encoded, start + 4)[0]
    right, lower, left, upper, *tiling, samples = struct.unpack_from(">8IH", encoded, start + 8)
    if any(encoded[start + 43 + 3 * i : start + 45 + 3 * i] != b"\1\1" for i in range(samples)):
        raise ValueError("its codestream has samples that are coarser than its pixels")
    tile_width, tile_height, tile_left, tile_upper = tiling
    if not (tile_width and tile_height and left < right and upper < lower):
        raise ValueError("its codestream has no pixels")
    tiles = math.ceil((right - tile_left) / tile_width) * math.ceil((lower - tile_upper) / tile_height)
    if not 0 < tiles <= MOST_TILES:
        raise ValueError(f"its codestream has {tiles} tiles; expected 1 to {MOST_TILES}")
    _check_tiles(encoded, start + 4 + length, tiles)
    signed = any(encoded[start + 42 + 3 * i] & 0x80 for i in range(samples))
    return (right - left, lower - upper, samples), signed


def _check_tiles(encoded: bytes, at: int, tiles: int) -> None:
    """Follows the parts of tiles, each of which says its length; the last one may reach to the end."""
    seen: set[int] = set()
    while at + 2 <= len(encoded) and (marker := struct.unpack_from(">H", encoded, at)[0]) != _END:
        if marker != _SOT:
            at += 2 + struct.unpack_from(">H", encoded, at + 2)[0]
            continue
        tile, length = struct.unpack_from(">HI", encoded, at + 4)
        if length and (length < 14 or at + length > len(encoded)):
            raise ValueError(f"its codestream is cut short in tile {tile}")
        seen.add(tile)
        at = at + length if length else len(encoded)
    if seen != set(range(tiles)):
        raise ValueError(f"its codestream has {len(seen & set(range(tiles)))} of {tiles} tiles")
