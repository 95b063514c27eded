"""Images of every kind reach the store as they are, or not at all."""

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from mmdx.data.images.decode import decode, depths_differ, flat_problems, probe, scale_problems, shown_images
from mmdx.data.images.letterbox import Letterbox
from mmdx.errors import DataError
from mmdx.study import ImageFiles, ImageRef, Order


def shipped(name):
    return Path(get_testdata_file(name, download=False))


def save(path, pixels, **options):
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def write_ct(path, hu):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.Modality, ds.PhotometricInterpretation, ds.SamplesPerPixel = "CT", "MONOCHROME2", 1
    ds.Rows, ds.Columns = hu.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.PixelData = hu.astype(np.int16).tobytes()
    ds.save_as(path, enforce_file_format=True)
    return path


def files(*paths, unit="intensity", channels=1):
    return ImageFiles(tuple(ImageRef(p) for p in paths), Order("given"), unit, channels)


@pytest.mark.parametrize(
    ("name", "pixels", "channels"),
    [
        ("a.png", np.zeros((2, 3), np.uint8), 1),
        ("a.jpg", np.zeros((2, 3, 3), np.uint8), 3),
        ("a.png", np.zeros((2, 3), np.uint16), 1),
        ("a.png", np.zeros((2, 3, 4), np.uint8), 3),
        ("a.tif", np.zeros((2, 3), np.float32), 1),
        ("a.bmp", np.zeros((2, 3), bool), 1),
    ],
)
def test_probe_tells_the_channels(tmp_path, name, pixels, channels):
    assert probe(save(tmp_path / name, pixels))[:3] == ("intensity", channels, (0,))


def test_probe_tells_dicom_with_or_without_a_suffix(tmp_path):
    path = write_ct(tmp_path / "IM0001", np.zeros((4, 4)))
    assert probe(path)[:3] == ("HU", 1, (0,))
    assert probe(shipped("examples_ybr_color.dcm"))[:3] == ("intensity", 3, tuple(range(30)))


def test_pages_of_a_tiff_are_frames(tmp_path):
    pages = [Image.fromarray(np.full((4, 4), k, np.uint8)) for k in (10, 20, 30)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert probe(tmp_path / "a.tif")[:3] == ("intensity", 1, (0, 1, 2))
    refs = tuple(ImageRef(tmp_path / "a.tif", k) for k in (2, 0))
    assert decode(ImageFiles(refs, Order("given")), 4).pixels[:, 0, 0, 0].tolist() == [30, 10]
    with pytest.raises(DataError, match="no frame 3; it has 3"):
        decode(ImageFiles((ImageRef(tmp_path / "a.tif", 3),), Order("given")), 4)


def test_palettes_are_grey_or_colour_by_their_entries(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), mode="P")
    image.putpalette([7, 7, 7, 200, 200, 200])
    image.save(tmp_path / "grey.png")
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "colour.png")
    assert [probe(tmp_path / n)[1] for n in ("grey.png", "colour.png")] == [1, 3]
    assert decode(files(tmp_path / "grey.png"), 2).pixels[0, 0, 0].tolist() == [7, 200]
    assert decode(files(tmp_path / "colour.png", channels=3), 2).pixels[0, :, 0, 0].tolist() == [255, 0, 0]


def test_letterbox_keeps_the_aspect_and_says_where_points_go(tmp_path):
    pixels = np.zeros((20, 40), np.uint8)
    pixels[5:15, 10:20] = 200
    decoded = decode(files(save(tmp_path / "a.png", pixels)), 20)
    assert decoded.letterboxes == (Letterbox(width=40, height=20, size=20),)
    # The box (10, 5) to (20, 15) of the source lies at (5, 7.5) to (10, 12.5).
    ys, xs = np.nonzero(decoded.pixels[0, 0] > 100)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (5, 9, 8, 11)
    assert not decoded.pixels[0, 0, :5].any()


def test_reduction_averages_and_does_not_skip(tmp_path):
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * np.uint8(255)
    assert (
        np.abs(decode(files(save(tmp_path / "a.png", checkers.astype(np.uint8))), 8).pixels.astype(int) - 127).max() < 8
    )


def test_hounsfield_units_are_clipped_and_padded_with_air(tmp_path):
    path = write_ct(tmp_path / "a.dcm", np.array([[-3000, 40], [40, 40], [3500, 0], [0, 0]]))
    pixels = decode(files(path, unit="HU"), 4).pixels
    assert pixels.dtype == np.int16
    rows = [[-1024, -1024, 40, -1024], [-1024, 40, 40, -1024], [-1024, 3071, 0, -1024], [-1024, 0, 0, -1024]]
    assert pixels[0, 0].tolist() == rows


def test_other_images_have_no_hounsfield_units(tmp_path):
    with pytest.raises(DataError, match="only DICOM tells Hounsfield units"):
        decode(files(save(tmp_path / "a.png", np.zeros((4, 4), np.uint8)), unit="HU"), 4)
    with pytest.raises(DataError, match="not in Hounsfield units"):
        decode(files(shipped("MR_small.dcm"), unit="HU"), 4)


def test_deep_images_share_one_scale_over_the_modality(tmp_path):
    ramp = np.linspace(0, 60000, 4096).reshape(64, 64).astype(np.uint16)
    dark, bright = save(tmp_path / "1.png", ramp // 2), save(tmp_path / "2.png", ramp)
    plain = save(tmp_path / "3.png", np.full((64, 64), 77, np.uint8))
    pixels = decode(files(dark, bright, plain), 64).pixels
    both = np.concatenate([(ramp // 2).ravel(), ramp.ravel()])
    low, high = np.percentile(both, [0.5, 99.5])
    assert pixels[0, 0, 63, 63] == round((30000 - low) / (high - low) * 255)
    assert (pixels[0].min(), pixels[1].max()) == (0, 255)
    assert (pixels[2] == 77).all()


def write_mr(path, pixels, **elements):
    """Grey images whose values mean nothing; a frame each where there are several."""
    ds = pydicom.dcmread(write_ct(path, np.zeros((4, 4))))
    del ds.RescaleSlope, ds.RescaleIntercept
    ds.Modality, ds.PixelRepresentation = "MR", 0
    ds.Rows, ds.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.PixelData = pixels.tobytes()
    ds.save_as(path)
    return path


TISSUE = np.array([[0, 500], [500, 2000]], np.uint16)


@pytest.mark.parametrize("windows", [[(250, 500), (500, 1000), (1000, 2000)], [(1000, 2000), None, (1000, 2000)]])
def test_a_tissue_is_one_grey_though_windows_differ_or_are_lacking(tmp_path, windows):
    paths = []
    for k, window in enumerate(windows):
        elements = dict(zip(("WindowCenter", "WindowWidth"), window, strict=True)) if window else {}
        paths.append(write_mr(tmp_path / f"{k}.dcm", TISSUE, **elements))
    pixels = decode(files(*paths), 2).pixels
    assert pixels[:, 0].tolist() == [[[0, 64], [64, 255]]] * 3
    modality = files(*paths)
    assert [x.tolist() for x in shown_images(modality, modality.images[:1])] == [TISSUE.tolist()]
    assert decode(modality, 2).grey_range == (0, 2000)


def test_one_window_for_all_is_used(tmp_path):
    paths = [write_mr(tmp_path / f"{k}.dcm", TISSUE * (k + 1), WindowCenter=500.5, WindowWidth=1001) for k in range(2)]
    assert decode(files(*paths), 2).pixels[:, 0].tolist() == [[[0, 128], [128, 255]], [[0, 255], [255, 255]]]


def test_windows_that_differ_within_one_file_are_not_used(tmp_path):
    def group(width):
        window, item = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = width / 2, width
        item.FrameVOILUTSequence = Sequence([window] if width else [])
        return item

    for widths in ((500, 1000), (500, 0)):
        groups = Sequence([group(width) for width in widths])
        path = write_mr(tmp_path / "a.dcm", np.stack([TISSUE] * 2), PerFrameFunctionalGroupsSequence=groups)
        refs = (ImageRef(path, 1), ImageRef(path, 0))
        assert decode(ImageFiles(refs, Order("given")), 2).pixels[:, 0].tolist() == [[[0, 64], [64, 255]]] * 2


def test_eight_bits_with_a_slope_of_their_own_share_one_range(tmp_path):
    counts = np.array([[0, 100], [100, 200]], np.uint8)
    paths = [
        write_mr(tmp_path / f"{k}.dcm", counts // k, RescaleSlope=k, RescaleIntercept=0, Modality="PT") for k in (1, 2)
    ]
    pixels = decode(files(*paths), 2).pixels
    assert (pixels[0] == pixels[1]).all()


def test_a_presentation_that_inverts_is_followed_once(tmp_path):
    grey = np.array([[0, 200]], np.uint8)
    for elements in (
        {"PresentationLUTShape": "INVERSE"},
        {"PresentationLUTShape": "INVERSE", "PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1"},
    ):
        path = write_mr(tmp_path / "a.dcm", grey, **elements)
        assert decode(files(path), 2).pixels[0, 0, 0].tolist() == [255, 55]


def test_wide_colour_is_scaled_like_other_deep_images(tmp_path):
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.stack([ramp] * 3, axis=-1)))
    for channels in (1, 3):
        pixels = decode(files(tmp_path / "a.png", tmp_path / "a.png", channels=channels), 16).pixels
        assert (pixels.min(), pixels.max()) == (0, 255)
        assert (pixels[0] == pixels[1]).all()


def test_what_has_no_common_scale_is_said(tmp_path):
    plain, deep = save(tmp_path / "8.png", TISSUE.astype(np.uint8)), save(tmp_path / "16.png", TISSUE)
    said = "1 of 2 images are deeper than 8 bits: they are scaled by themselves, the others not at all"
    assert scale_problems([probe(plain), probe(deep)]) == [said] == [depths_differ(1, 2)]
    window = {"WindowCenter": 5, "WindowWidth": 9}
    bright, dim = (write_mr(tmp_path / f"{k}.dcm", TISSUE, **(window if k else {})) for k in (1, 0))
    assert scale_problems([probe(plain), probe(bright)]) == []
    problems = scale_problems([probe(plain), probe(bright), probe(dim)])
    assert len(problems) == 2
    assert "1 of 2 images have a window" in problems[0]
    assert problems[1].startswith("2 of 3 images are deeper")


def test_a_few_bright_pixels_of_a_deep_image_survive(tmp_path):
    sparse = np.zeros((64, 64), np.uint16)
    sparse[3, 3] = 5000
    assert decode(files(save(tmp_path / "a.png", sparse)), 64).pixels[0, 0, 3, 3] == 255
    assert not decode(files(save(tmp_path / "b.png", sparse * 0 + 9)), 64).pixels.any()


def test_colour_becomes_luminance_and_grey_is_repeated(tmp_path):
    green = np.zeros((4, 4, 3), np.uint8)
    green[..., 1] = 100
    assert decode(files(save(tmp_path / "c.png", green)), 4).pixels[0, 0, 0, 0] == round(0.587 * 100)
    grey = save(tmp_path / "g.png", np.full((4, 4), 9, np.uint8))
    assert decode(files(grey, channels=3), 4).pixels[0, :, 0, 0].tolist() == [9, 9, 9]


def test_transparency_lies_over_black(tmp_path):
    pixels = np.full((4, 4, 4), 200, np.uint8)
    pixels[..., 3], pixels[0, 0, 3] = 255, 0
    decoded = decode(files(save(tmp_path / "a.png", pixels), channels=3), 4).pixels
    assert (decoded[0, 0, 0, 0], decoded[0, 0, 3, 3]) == (0, 200)


def test_the_orientation_of_the_camera_is_applied(tmp_path):
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise: left becomes top
    decoded = decode(files(save(tmp_path / "a.png", pixels, exif=exif)), 16)
    assert [letterbox.margins for letterbox in decoded.letterboxes] == [(4, 0)]
    assert (decoded.pixels[0, 0, 2, 8], decoded.pixels[0, 0, 13, 8]) == (255, 0)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_truncated_images_are_refused_by_name(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    path = save(tmp_path / f"cut.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"cut\.{suffix}: ") as caught:
        decode(files(path), 8)
    assert "\n" not in str(caught.value)


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    (tmp_path / "b.dcm").write_text("hello")
    for name, reason in (("a.png", "neither DICOM nor"), ("b.dcm", "not a DICOM file"), ("c.png", "cannot be read")):
        for call in (probe, lambda path: decode(files(path), 8)):
            with pytest.raises(DataError, match=reason):
                call(tmp_path / name)


def test_undefined_pixels_are_refused(tmp_path):
    path = save(tmp_path / "a.tif", np.array([[0, np.nan]], np.float32))
    with pytest.raises(DataError, match="no numbers"):
        decode(files(path), 4)


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", np.zeros((40, 40), np.uint8))
    monkeypatch.setattr("mmdx.data.images.plain.MAX_PIXELS", 100)
    with pytest.raises(DataError, match="more than 100 pixels"):
        probe(path)


def test_an_unreadable_image_spoils_the_modality_and_is_never_zeros(tmp_path):
    good = save(tmp_path / "1.png", np.full((4, 4), 9, np.uint8))
    (tmp_path / "2.png").write_bytes(good.read_bytes()[:40])
    with pytest.raises(DataError, match=r"2\.png"):
        decode(files(good, tmp_path / "2.png"), 4)


@pytest.mark.parametrize(
    ("images", "flat"),
    [
        ([[0, 9], [5, 5], [0, 0], [9, 9]], (1, 3)),
        ([[7, 7]], (0,)),
        ([[3, 3], [3, 3]], (0, 1)),
        ([[0, 9], [1, 2]], ()),
        ([], ()),
    ],
)
def test_images_on_which_nothing_is_seen_are_found_but_for_air_and_padding(tmp_path, images, flat):
    paths = [save(tmp_path / f"{place}.png", np.uint8([row])) for place, row in enumerate(images)]
    assert decode(files(*paths), 8).flat == flat


def test_flat_hounsfield_units_are_found_before_they_are_clipped(tmp_path):
    air, shown = np.full((2, 2), -2000), np.array([[-2000, 40], [40, 40]])
    high = np.full((2, 2), 5000)
    paths = [write_ct(tmp_path / f"{place}.dcm", hu) for place, hu in enumerate([air, shown, high])]
    assert decode(files(*paths, unit="HU"), 8).flat == (2,)
    assert decode(files(paths[0], unit="HU"), 8).flat == (0,)


def test_flat_images_are_named():
    assert flat_problems("ct", (), 3) == []
    assert flat_problems("ct", range(7), 9) == [
        "'ct': 7 of 9 images are one grey everywhere (image 0, 1, 2, 3, 4 and 2 more, from 0)"
    ]
