"""Of the frames of a plain image file, copies, moments and colours of others do not count."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from mmdx.data.images.pages import page_count, pages_of
from mmdx.data.images.plain import opened
from mmdx.errors import DataError


def paged(pages, tags=None, description=""):
    content = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(content, True) as writer:
        for number, page in enumerate(pages):
            info = TiffImagePlugin.ImageFileDirectory_v2()
            if tags and tags[number]:
                info[254] = tags[number]
            if description and number == 0:
                info[270] = description
            Image.fromarray(page).save(writer, format="TIFF", tiffinfo=info)
            writer.newFrame()
        content = io.BytesIO(content.getvalue())
    return Image.open(content)


def grey(height, width):
    return np.zeros((height, width), np.uint8)


def test_pages_of_one_size_are_images():
    assert pages_of(paged([grey(4, 4)] * 3)) == ((0, 1, 2), "")
    assert pages_of(paged([grey(4, 4)])) == ((0,), "")


@pytest.mark.parametrize(
    ("pages", "tags", "kept"),
    [
        ([grey(64, 64), grey(32, 32), grey(16, 16)], [0, 1, 1], (0,)),
        ([grey(64, 64), grey(32, 32), grey(16, 16)], [0, 0, 0], (0,)),
        ([grey(8, 10), grey(63, 81), grey(31, 40)], [0, 0, 0], (1,)),
        ([grey(64, 64), grey(64, 64)], [0, 4], (0,)),
        ([grey(64, 64), grey(16, 16), grey(64, 64), grey(16, 16)], [0, 1, 0, 1], (0, 2)),
        ([grey(16, 16), grey(64, 64)], [1, 0], (1,)),
    ],
    ids=["tagged", "untagged", "thumbnail first", "mask", "two pyramids", "tagged first"],
)
def test_smaller_copies_and_masks_are_left_out(pages, tags, kept):
    count = len(pages)
    said = f"{count - len(kept)} of {count} pages left out: smaller copies or masks of others"
    assert pages_of(paged(pages, tags)) == (kept, said)


def test_pages_of_another_shape_are_images():
    assert pages_of(paged([grey(64, 64), grey(64, 30)])) == ((0, 1), "")


@pytest.mark.parametrize(
    ("description", "kept"),
    [
        ("ImageJ=1.53\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\n", (0, 2, 4)),
        ("ImageJ=1.53\nimages=12\nslices=12\n", tuple(range(12))),
        ('<OME><Pixels DimensionOrder="XYZCT" SizeC="2" SizeT="2" SizeX="4" SizeY="4" SizeZ="3"/></OME>', (0, 1, 2)),
        ('<OME><Pixels DimensionOrder="XYCTZ" SizeC="2" SizeT="2" SizeX="4" SizeY="4" SizeZ="3"/></OME>', (0, 4, 8)),
        ('<OME><Pixels DimensionOrder="XYCZT" SizeC="3" SizeT="1" SizeX="4" SizeY="4" SizeZ="12"/></OME>', None),
        ("slices=3, frames=4 on a Tuesday", None),
    ],
    ids=["ImageJ", "a stack", "OME", "OME by channel", "colour within pages", "no description"],
)
def test_channels_and_time_points_are_no_slices(description, kept):
    found, said = pages_of(paged([grey(4, 4)] * 12, description=description))
    assert found == (kept or tuple(range(12)))
    assert said == ("" if len(found) == 12 else "9 of 12 pages left out: channels or time points")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_its_first_frame(kind):
    content = io.BytesIO()
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 100, 200)]
    frames[0].save(content, kind, save_all=True, append_images=frames[1:])
    assert pages_of(Image.open(content)) == ((0,), "an animation: its first frame counts")


def test_a_file_of_very_many_pages_is_refused_at_once(tmp_path):
    fields = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: 16}
    page = struct.pack("<H", 9) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    size, count = len(page) + 4, 200_000
    links = [struct.pack("<I", 8 + size * (k + 1) if k < count - 1 else 0) for k in range(count)]
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8) + b"".join(page + link for link in links))
    with (
        pytest.raises(DataError, match=r"a\.tif: cannot be decoded: a TIFF of more than 8192 pages"),
        opened(tmp_path / "a.tif") as image,
    ):
        pages_of(image)


def test_pages_in_a_circle_are_counted_once():
    image = paged([grey(4, 4)] * 2)
    content = bytearray(image.fp.getbuffer())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    content[first + 2 + 12 * entries : first + 6 + 12 * entries] = content[4:8]
    assert page_count(Image.open(io.BytesIO(content))) == 1
