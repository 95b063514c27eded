"""Pixels of plain images are what their files mean, also where Pillow would change them."""

import errno
import io
import struct
import zlib

import numpy as np
import pytest
from imagecodecs import tiff_encode
from PIL import Image

from mmdx.data.images.decode import decode
from mmdx.data.images.plain import is_deep, is_grey, opened, plain_facts, upright
from mmdx.errors import DataError, LackError
from mmdx.study import ImageFiles, ImageRef, Order

RAMP = np.tile(np.linspace(0, 4095, 16).astype(np.uint16), (4, 1))
GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
"""Colour types of PNG."""


def png16(pixels, colour, *more):
    """A PNG of 16 bits a channel; `more` are further chunks, (name, content)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour, 0, 0, 0))]
    chunks += [*more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(pixels, photometric, **tags):
    """An uncompressed TIFF of `[h w]` or `[h w c]`, with the tags that stand by number in `tags`."""
    height, width, *channels = pixels.shape
    count, bits = (channels or [1])[0], pixels.dtype.itemsize * 8
    content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    after = 8 + len(content)
    bits_entry = (258, 3, count, after) if count > 2 else (258, 3, count, bits | bits << 16)
    entries = [(256, 3, 1, width), (257, 3, 1, height), bits_entry, (259, 3, 1, 1), (262, 3, 1, photometric)]
    entries += [(273, 4, 1, 8), (277, 3, 1, count), (278, 3, 1, height), (279, 4, 1, len(content))]
    entries += [(int(tag.removeprefix("tag")), 3, 1, value) for tag, value in tags.items()]
    words = struct.pack(f"<{count}H", *[bits] * count)
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<I", after + len(words)) + content + words + directory + b"\0" * 4


def read(content):
    with opened("here", content) as image:
        facts = plain_facts(image)
    with opened("here", content) as image:
        return facts, upright("here", image)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_over_in_any_depth(photometric, dtype):
    seen = (RAMP // (16 if dtype == np.uint8 else 1)).astype(dtype)
    stored = seen if photometric else np.iinfo(dtype).max - seen
    facts, pixels = read(tiff(stored, photometric))
    assert (pixels == seen).all()
    assert facts.deep == (dtype == np.uint16)


def test_floating_point_that_says_white_is_zero_is_refused():
    with pytest.raises(DataError, match="here: floating-point pixels whose white is zero"):
        read(tiff(RAMP.astype(np.float32), 0, tag339=3))


def test_sixteen_bits_a_channel_keep_their_values():
    colour = np.stack([RAMP, RAMP // 2, RAMP[:, ::-1]], axis=-1)
    for content in (png16(colour, RGB), tiff(colour, 2)):
        facts, pixels = read(content)
        assert (facts.channels, facts.deep, pixels.dtype) == (3, True, np.float32)
        assert (pixels == colour).all()


def test_planes_that_lie_apart_are_put_together():
    colour = np.stack([RAMP, RAMP // 2, RAMP[:, ::-1]])
    _, pixels = read(tiff_encode(colour, photometric="rgb", planarconfig="separate"))
    assert (pixels == np.moveaxis(colour, 0, -1)).all()


def test_transparent_pixels_of_sixteen_bits_lie_over_black():
    alpha = np.full_like(RAMP, 65535)
    alpha[0] = 0
    facts, pixels = read(png16(np.stack([RAMP, alpha], axis=-1), GREY_ALPHA))
    assert (facts.channels, facts.deep, pixels.shape) == (1, True, RAMP.shape)
    assert pixels[0].max() == 0
    assert (pixels[1:] == RAMP[1:]).all()
    colour = np.stack([RAMP, RAMP, RAMP, alpha], axis=-1)
    for content in (png16(colour, RGBA), tiff(colour, 2, tag338=2)):
        facts, pixels = read(content)
        assert (facts.channels, pixels[0].max(), pixels[1, 15].tolist()) == (3, 0, [4095, 4095, 4095])
    assert read(tiff(colour, 2, tag338=0))[1][0, 15].tolist() == [4095, 4095, 4095]  # a fourth sample, and no alpha


def test_the_orientation_of_the_camera_counts_for_sixteen_bits_a_channel():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise: left becomes top
    content = png16(np.stack([RAMP] * 3, axis=-1), RGB, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    _, pixels = read(content)
    assert (pixels[..., 0] == RAMP.T).all()


def test_cmyk_of_sixteen_bits_is_refused():
    with pytest.raises(DataError, match="here: CMYK of 16 bits a channel; save it as RGB or grey"):
        read(tiff(np.stack([RAMP] * 4, axis=-1), 5))


def test_signs_are_those_of_the_file():
    for stored in (np.array([[-7, 5]], np.int8), np.array([[-7, 500]], np.int16), np.array([[-7, 70000]], np.int32)):
        facts, pixels = read(tiff(stored, 1, tag339=2))
        assert (facts.deep, pixels.tolist()) == (True, stored.tolist())
    assert read(tiff(np.array([[1, 2**31 + 2**10]], np.uint32), 1))[1].tolist() == [[1, 2**31 + 2**10]]
    assert read(tiff(np.array([[-0.5, 0.25]], np.float32), 1, tag339=3))[1].tolist() == [[-0.5, 0.25]]


def test_few_bits_span_black_to_white():
    for bits, kind in ((1, "1"), (2, "L"), (4, "L")):
        stored = np.array([[0, 2**bits - 1] * 4], np.uint8)
        packed = np.packbits(np.unpackbits(stored.T, axis=1)[:, -bits:].ravel())
        header = struct.pack(">IIBBBBB", 8, 1, bits, GREY, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + packed.tobytes())), (b"IEND", b"")]
        parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
        content = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
        with opened("here", content) as image:
            assert (image.mode, is_grey(image), is_deep(image)) == (kind, True, False)
        assert read(content)[1].tolist() == [[0, 255] * 4]


def test_colours_of_print_and_of_light_become_rgb():
    for mode, black in (("CMYK", (0, 0, 0, 255)), ("LAB", (0, 128, 128))):
        content = io.BytesIO()
        Image.new(mode, (2, 2), black).save(content, "TIFF")
        facts, pixels = read(content.getvalue())
        assert (facts.channels, facts.deep, pixels.shape) == (3, False, (2, 2, 3))
        assert pixels.max() <= 1


def test_kinds_of_pixels_that_nobody_reads_are_refused_in_a_line():
    with pytest.raises(DataError, match="here: neither DICOM nor an image of a known format and kind of pixels"):
        read(tiff(np.zeros((2, 2)), 1, tag339=3))
    with pytest.raises(DataError, match="here: "):
        read(png16(np.stack([RAMP] * 3, axis=-1), RGB)[:60])


@pytest.mark.parametrize(("name", "kind"), [("a.ppm", "PPM"), ("a.jp2", "JPEG2000"), ("a.png", "PPM")])
def test_formats_whose_pixels_may_be_cut_are_refused(tmp_path, name, kind):
    Image.new("RGB", (4, 4)).save(tmp_path / name, kind)
    refused = r"neither DICOM nor an image of a known format.*save it as PNG or TIFF"
    with pytest.raises(DataError, match=refused), opened(tmp_path / name):
        pass


def test_more_pixels_than_the_bound_are_refused_before_they_are_decoded(tmp_path):
    Image.new("L", (8200, 8200)).save(tmp_path / "a.png")
    refused = r"a\.png: more than 67108864 pixels; scale it down first"
    with pytest.raises(DataError, match=refused), opened(tmp_path / "a.png"):
        pass
    small, large = Image.new("L", (4, 4)), Image.new("L", (8200, 8200))
    small.save(tmp_path / "a.tif", save_all=True, append_images=[large], compression="tiff_deflate")
    second = ImageFiles((ImageRef(tmp_path / "a.tif", 1),), Order("given"))
    with pytest.raises(DataError, match=r"a\.tif: more than 67108864"):
        decode(second, 8)


def test_lack_of_file_handles_is_no_damage(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "open", refused)
    with pytest.raises(LackError, match=r"a\.png: too many files are open"), opened(tmp_path / "a.png"):
        pass


@pytest.mark.parametrize(
    ("tag", "field", "said"),
    [
        (339, struct.pack("<HII", 0xFFFF, 1, 3), "tag 339 of the unknown kind 65535"),
        (282, struct.pack("<HII", 5, 1, 2**31), "Possibly corrupt|Corrupt|Truncated"),
    ],
)
def test_a_tag_that_cannot_be_read_is_not_passed_over(tag, field, said):
    """Behind a broken one Pillow would not read the next, such as that of floating point."""
    content = bytearray(tiff(np.ones((4, 4), np.float32), 1, tag282=1, tag339=3))
    first = int.from_bytes(content[4:8], "little")
    count = int.from_bytes(content[first : first + 2], "little")
    places = [first + 2 + 12 * k for k in range(count)]
    (place,) = (at for at in places if int.from_bytes(content[at : at + 2], "little") == tag)
    content[place + 2 : place + 12] = field
    with pytest.raises(DataError, match=rf"^here: cannot be decoded: .*({said})"):
        read(bytes(content))
