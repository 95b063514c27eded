"""Slices as their files have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from raw_dicom import file_bytes, slice_elements

from mmdx.data.images.decode import decode
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.images.modality import images_in
from mmdx.engine.inference.arrays import ImageArrays
from mmdx.engine.inference.explaining.source_slices import SlicePlace, SourceSlices, heat_on_source

MODEL_WINDOW = (40.0, 80.0)


def write_ct(folder: Path, count: int, *, window: tuple[str, str] | None = None) -> None:
    """Slices from the feet up whose InstanceNumber counts down, and whose files have names in no order; slice i is of
    10 * i Hounsfield units."""
    folder.mkdir()
    for place in range(count):
        elements = slice_elements(place + 1)
        elements["InstanceNumber"] = ("IS", str(100 - place).encode())
        elements["PixelData"] = ("OW", np.full(16, 1024 + 10 * place, dtype="<i2").tobytes())
        if window:
            elements |= {"WindowCenter": ("DS", window[0].encode()), "WindowWidth": ("DS", window[1].encode())}
        (folder / f"{(place * 7) % count}x.dcm").write_bytes(file_bytes(elements))


def ct(folder: Path, **options) -> SourceSlices:
    write_ct(folder, 5, **options)
    files, _ = images_in(folder, folder)
    return SourceSlices(files, MODEL_WINDOW)


def test_a_slice_is_named_as_its_header_names_it(tmp_path: Path):
    (found,) = ct(tmp_path / "ct").read([3])
    assert found.place == SlicePlace(3, 5, "1x.dcm", None, 97, "1.2.3.4", 20.0)
    assert found.place.number == 4
    assert found.place.in_words() == "slice 4 of 5, InstanceNumber 97, 20.0 mm"


@pytest.mark.parametrize(
    ("window", "grey", "said"),
    [
        (None, [0.375, 0.5], "window of the model: centre 40, width 80 HU"),
        (("30", "20"), [0.5, 1.0], "window of the file: centre 30, width 20 HU"),
        (("30\\600", "40\\2000"), [0.5, 0.75], "window of the file: centre 30, width 40 HU"),
        (("30", "0"), [0.375, 0.5], "window of the model: centre 40, width 80 HU"),
    ],
)
def test_ct_is_shown_in_its_own_window_else_in_the_models(tmp_path: Path, window, grey, said):
    read = ct(tmp_path / "ct", window=window).read([3, 4])
    assert [float(one.pixels[0, 0]) for one in read] == pytest.approx(grey)
    assert {one.window for one in read} == {said}
    assert read[0].pixels.shape == (4, 4)


def test_plain_images_have_their_own_size_and_name(tmp_path: Path):
    for number, size in ((1, (30, 20)), (2, (10, 40))):
        (tmp_path / "deep").mkdir(exist_ok=True)
        Image.new("RGB", size, (255, 0, 51)).save(tmp_path / "deep" / f"{number}.png")
    files, _ = images_in(tmp_path / "deep", tmp_path)
    first, second = SourceSlices(files, MODEL_WINDOW).read([0, 1])
    assert (first.pixels.shape, second.pixels.shape) == ((20, 30, 3), (40, 10, 3))
    assert first.pixels[0, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert first.place == SlicePlace(0, 2, "1.png")


def test_a_deep_image_is_as_grey_as_the_model_reads_it_whatever_is_shown_beside_it(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    for number in range(5):
        grey = np.full((6, 4), 1000 * number, np.uint16)
        Image.fromarray(grey).save(tmp_path / "deep" / f"{number}.png")
    files, _ = images_in(tmp_path / "deep", tmp_path)
    read = decode(files, 8)
    slices = SourceSlices(files, MODEL_WINDOW, read.grey_range)
    for asked in ([1], [1, 2], [0, 4, 3]):
        for place, one in zip(asked, slices.read(asked), strict=True):
            assert one.pixels.shape == (6, 4)
            assert np.unique(one.pixels).tolist() == [pytest.approx(place / 4)]
            assert read.pixels[place].max() == pytest.approx(255 * one.pixels.max(), abs=0.5)
            assert one.window == "range of all images: black 0, white 4000"


def test_arrays_are_shown_as_they_are():
    pixels = np.stack([np.full((3, 2), value, dtype=np.int16) for value in (0, 80)])
    (one,) = SourceSlices(ImageArrays(pixels), MODEL_WINDOW).read([1])
    assert (one.pixels.shape, float(one.pixels.max())) == ((3, 2), 1.0)
    assert one.place == SlicePlace(1, 2)


def test_a_frame_is_counted_from_one(tmp_path: Path):
    pages = [Image.new("L", (4, 4), value) for value in (0, 255)]
    (tmp_path / "a").mkdir()
    pages[0].save(tmp_path / "a" / "a.tif", save_all=True, append_images=pages[1:])
    files, _ = images_in(tmp_path / "a", tmp_path)
    (one,) = SourceSlices(files, MODEL_WINDOW).read([1])
    assert (one.place.frame, float(one.pixels[0, 0])) == (2, 1.0)


def test_heat_lies_over_the_source_without_the_margins():
    heat = np.zeros((8, 8), np.float32)
    heat[:2] = 9  # the margin above an image twice as wide as high
    heat[2:4, 4:] = 1
    over = heat_on_source(heat, Letterbox(width=64, height=32, size=8))
    assert over.shape == (32, 64)
    assert over.max() == pytest.approx(1)
    assert over[:8, 44:].min() == pytest.approx(1)
    assert over[24:].max() == over[:, :20].max() == 0
