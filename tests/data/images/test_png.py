"""A PNG whose pixels or parts are missing is refused, where Pillow would fill them up."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmdx.data.images.plain import opened, upright
from mmdx.data.images.png import check_chunks, check_pixels
from mmdx.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 255, (13, 11), np.uint8)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows, *, height=13, interlaced=0, end=True, again=False):
    header = struct.pack(">IIBBBBB", 11, height, 8, 0, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header)] * (2 if again else 1) + [chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"") if end else b""])


def cut_stream(rows):
    """The compressed pixels lack their last bytes, which sum them up."""
    whole = zlib.compress(rows)
    return png(rows).replace(chunk(b"IDAT", whole), chunk(b"IDAT", whole[:-4]))


def late_palette():
    content = io.BytesIO()
    Image.fromarray(PIXELS).convert("P").save(content, "PNG")
    before, palette, rest = content.getvalue().partition(b"PLTE")
    size = int.from_bytes(before[-4:], "big")
    part = before[-4:] + palette + rest[: size + 4]
    rest = rest[size + 4 :]
    return before[:-4] + rest[:-12] + part + rest[-12:]


ROWS = b"".join(b"\0" + row.tobytes() for row in PIXELS)


def read(content):
    with opened("a.png", content) as image:
        return upright("a.png", image)


def test_whole_ones_are_read_interlaced_or_not():
    assert np.array_equal(read(png(ROWS)), PIXELS)
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA", "I;16"):
        Image.new(mode, (11, 13)).save(content := io.BytesIO(), "PNG")
        check_chunks(content)
        check_pixels(content)
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    passes = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in steps for row in PIXELS[y::dy, x::dx])
    assert np.array_equal(read(png(passes, interlaced=1)), PIXELS)
    with pytest.raises(DataError, match="bytes of pixels"):
        read(png(passes[:-1], interlaced=1))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png(ROWS, height=14), "156 bytes of pixels, 168 expected"),
        (png(ROWS, interlaced=2), "a PNG of unknown methods"),
        (png(ROWS[:-1]), "155 bytes of pixels, 156 expected"),
        (png(ROWS, end=False), "a PNG that is cut short"),
        (png(ROWS, again=True), "a PNG whose parts are not whole, or not in their order"),
        (cut_stream(ROWS + b"1234"), "160 bytes of pixels without an end, 156 expected"),
        (png(ROWS)[:-16] + bytes(4) + png(ROWS)[-12:], "a PNG with damage in IDAT: its check sum does not fit"),
        (late_palette(), "a PNG whose colours stand behind its pixels"),
    ],
)
def test_what_lacks_pixels_or_an_end_is_refused(content, said):
    with pytest.raises(DataError, match=rf"^a\.png: cannot be decoded: {said}$"):
        read(content)


def test_a_palette_stands_there_once():
    image = Image.new("P", (4, 4))
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.save(content := io.BytesIO(), "PNG")
    raw = content.getvalue()
    start = raw.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(raw[start : start + 4], "big")
    for broken in (raw[:start] + raw[end:], raw[:end] + raw[start:end] + raw[end:]):
        with pytest.raises(DataError, match="a PNG that needs one palette"):
            read(broken)


def test_pixels_that_shrink_much_and_a_row_too_many_are_read():
    Image.new("L", (3000, 3000)).save(content := io.BytesIO(), "PNG")
    assert not read(content.getvalue()).any()
    assert np.array_equal(read(png(ROWS + ROWS[:12])), PIXELS)
    with pytest.raises(DataError, match="without an end, 156 expected"):
        read(png(ROWS + bytes(2**22)))
