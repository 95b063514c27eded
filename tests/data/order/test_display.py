"""One patient looks the same from whatever file: every flip and transposition of rows, columns and slices, as DICOM and
as NIfTI, gives the same pictures in the same order, and places on them go back to the pixels of the file."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.testing import assert_array_equal
from pydicom import Dataset
from raw_dicom import file_bytes, slice_elements

from mmdx.data.images.decode import Decoded, decode, shown_images
from mmdx.data.images.modality import images_in
from mmdx.data.order.display import DISPLAY, Turn, axes_of, oddly_hung, turned
from mmdx.study import ImageFiles

SHAPE = (6, 5, 4)
"""Voxels to the patient's left, back and head, 1 x 1.5 x 2 mm."""
ZOOMS = np.array([1.0, 1.5, 2.0])
VALUES = np.random.default_rng(3).permutation(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16)
DIRECTIONS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}
TRIPLES = ["".join(t) for t in itertools.product("LRPAHF", repeat=3) if len({DIRECTIONS[side][0] for side in t}) == 3]
"""All 48 ways to store a volume: where rows, columns and slices run to."""


def stored(axes: str) -> np.ndarray:
    """The values `[slices rows columns]`: rows, columns and slices run to the three sides of `axes`."""
    places, signs = zip(*(DIRECTIONS[letter] for letter in axes), strict=True)
    turned = VALUES.transpose(places)[tuple(slice(None, None, sign) for sign in signs)]
    return turned.transpose(2, 1, 0)


def write_series(folder: Path, axes: str) -> ImageFiles:
    """The volume as a DICOM series, one file a slice, its names and numbers in the order in which it is stored."""
    folder.mkdir()
    places, signs = zip(*(DIRECTIONS[letter] for letter in axes), strict=True)
    vectors = [np.eye(3)[place] * sign for place, sign in zip(places, signs, strict=True)]
    first = np.zeros(3)
    for place, sign in zip(places, signs, strict=True):
        first[place] = 0 if sign > 0 else (SHAPE[place] - 1) * ZOOMS[place]
    across, down, step = ZOOMS[list(places)]
    for number, pixels in enumerate(stored(axes)):
        numbers = {
            "ImagePositionPatient": first + number * step * vectors[2],
            "ImageOrientationPatient": (*vectors[0], *vectors[1]),
            "PixelSpacing": (down, across),
        }
        elements = slice_elements(number + 1) | {"Modality": ("CS", b"MR"), "PixelData": ("OW", pixels.tobytes())}
        elements |= {name: ("DS", "\\".join(f"{x:g}" for x in value).encode()) for name, value in numbers.items()}
        elements |= {
            "Rows": ("US", struct.pack("<H", len(pixels))),
            "Columns": ("US", struct.pack("<H", len(pixels[0]))),
        }
        (folder / f"{number}.dcm").write_bytes(file_bytes(elements))
    return images_in(folder, folder)[0]


def write_volume(folder: Path, axes: str) -> ImageFiles:
    """The same as a NIfTI volume: the first axis runs along rows."""
    folder.mkdir()
    plain = nibabel.Nifti1Image(VALUES, np.diag([-ZOOMS[0], -ZOOMS[1], ZOOMS[2], 1]))
    codes = axes.replace("H", "S").replace("F", "I")
    nibabel.save(
        plain.as_reoriented(ornt_transform(io_orientation(plain.affine), axcodes2ornt(codes))), folder / "v.nii"
    )
    return images_in(folder, folder)[0]


def same(decoded: Decoded, expected: Decoded) -> bool:
    return np.array_equal(decoded.pixels, expected.pixels)


@pytest.mark.parametrize("axes", [axes for axes in TRIPLES if axes[2] in "HF"])
def test_axial_slices_look_alike_from_every_dicom_and_nifti(tmp_path, axes):
    usual = decode(write_series(tmp_path / "usual", "LPH"), 30)
    files = write_series(tmp_path / "series", axes)
    assert (files.order.source, files.order.axes) == ("position", axes[:2])
    assert same(decode(files, 30), usual)
    assert usual.letterboxes[0].shape == (24, 30)  # 6 mm by 7.5 mm
    assert same(decode(write_volume(tmp_path / "volume", axes), 30), usual)


@pytest.mark.parametrize("axes", [axes for axes in TRIPLES if axes[2] not in "HF"])
def test_a_volume_of_other_axes_is_cut_into_the_same_axial_slices(tmp_path, axes):
    usual = decode(write_series(tmp_path / "usual", "LPH"), 30)
    files = write_volume(tmp_path / "volume", axes)
    assert files.order.axes == axes
    assert same(decode(files, 30), usual)


@pytest.mark.parametrize("axes", [axes for axes in TRIPLES if axes[2] not in "HF"])
def test_coronal_and_sagittal_slices_have_one_display_and_one_order(tmp_path, axes):
    usual = "LFP" if axes[2] in "PA" else "PFL"
    files = write_series(tmp_path / "series", axes)
    assert same(decode(files, 30), decode(write_series(tmp_path / "usual", usual), 30))
    plain = np.stack(shown_images(files, files.images))
    assert plain.shape[1:] == ((8, 6) if axes[2] in "PA" else (5, 5))  # square pixels: 8 x 6 of 1 mm, 5 1/3 x 5 of 1.5


@pytest.mark.parametrize("axes", ["LPH", "RPH", "LAF", "RAH", "PLH", "ALF", "PRH", "ARF"])
def test_places_on_a_picture_go_back_to_the_pixels_of_its_file(tmp_path, axes):
    """A pixel of the file is marked by a bright voxel; its box lies where the picture is bright, and comes back."""
    files = write_series(tmp_path / "series", axes)
    decoded, slices = decode(files, 300), stored(axes)
    for image, ref in enumerate(files.images):
        pixels = slices[int(ref.path.stem)]
        y, x = np.unravel_index(pixels.argmax(), pixels.shape)
        corners = np.array([x, y, x + 1.0, y + 1.0])
        box = decoded.letterboxes[image]
        x0, y0, x1, y1 = box.to_stored(corners)
        middle = decoded.pixels[image, 0, int((y0 + y1) / 2), int((x0 + x1) / 2)]
        assert middle >= int(decoded.pixels[image].max()) - 2  # a wide pixel is no plateau
        assert (x1 - x0, y1 - y0) == pytest.approx((40, 60), abs=0.01)  # 1 x 1.5 mm of 7.5 mm, face up
        assert box.to_source(np.array([x0, y0, x1, y1])) == pytest.approx(corners, abs=0.01)
        sides = box.sides_mm(corners)
        assert sides is not None
        assert box.turn.pair(*sides.tolist()) == (1, 1.5)
        assert box.pixel_mm == pytest.approx(7.5 / 300)


def rotated(plane: list[float], degrees: float, axis: int) -> tuple[float, ...]:
    angle, matrix = np.radians(degrees), np.eye(3)
    one, other = [i for i in range(3) if i != axis]
    matrix[one, one] = matrix[other, other] = np.cos(angle)
    matrix[one, other], matrix[other, one] = -np.sin(angle), np.sin(angle)
    return tuple(float(x) for half in (plane[:3], plane[3:]) for x in matrix @ half)


@pytest.mark.parametrize(
    ("plane", "axes"),
    [
        ([1, 0, 0, 0, 1, 0], "LP"),
        ([1, 0, 0, 0, -1, 0], "LA"),
        ([-1, 0, 0, 0, -1, 0], "RA"),
        ([0, 1, 0, 1, 0, 0], "PL"),
        ([1, 0, 0, 0, 0, -1], "LF"),
        ([0, -1, 0, 0, 0, 1], "AH"),
    ],
)
@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("degrees", [-40, 0, 20, 40])
def test_oblique_images_go_by_the_nearest_axes(plane, axes, axis, degrees):
    assert axes_of([rotated(plane, degrees, axis)]) == axes


def test_images_have_common_axes_or_none():
    plane, mirrored = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    assert axes_of([plane, rotated(list(plane), 15, 0)]) == "LP"
    assert axes_of([plane, mirrored]) == axes_of([plane, None]) == axes_of([]) == ""
    between = [rotated(list(plane), 45 + shift, 0) for shift in (-0.5, 0.5)]
    assert len(axes_of(between)) == 2  # rounding of a plane between two axes must not leave a stack undecided


@pytest.mark.parametrize(
    ("axes", "words"),
    [("LP", ""), ("", ""), ("LPH", ""), ("LA", "LA to LP"), ("HP", "HP to PF"), ("RAH", "RAH to LPH")],
)
def test_a_turn_is_said_in_words(axes, words):
    assert turned(axes) == words


def test_what_is_usual_or_unknown_is_not_turned():
    assert {Turn.of(axes) for axes in (*DISPLAY, "", "RAH", "LPH")} == {Turn()}
    pixels = np.arange(6).reshape(2, 3)
    assert_array_equal(Turn.of("RA").image(pixels), [[5, 4, 3], [2, 1, 0]])
    assert_array_equal(Turn.of("PL").image(pixels), pixels.T)
    assert_array_equal(Turn.of("AL").image(pixels), pixels.T[::-1])


@pytest.mark.parametrize(
    ("words", "odd"),
    [(["L", "F"], False), (["A", "F"], False), (["P", "L"], False), (["LP", "FA"], False), ("L", False), (None, False),
     (["R", "F"], True), (["L", "H"], True), (["F", "L"], True), (["RA", "FL"], True)],
)  # fmt: skip
def test_projections_that_hang_otherwise_are_named_and_stay(words, odd):
    header = Dataset()
    if words is not None:
        header.PatientOrientation = words
    said = oddly_hung([header, Dataset()])
    assert len(said) == odd
    if odd:
        assert said[0].startswith(f"1 image(s) with PatientOrientation {words[0]}\\{words[1]}: not hung as usual")
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    assert oddly_hung([header]) == []
