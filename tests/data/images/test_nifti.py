"""A NIfTI volume comes as axial slices from feet to head, seen as a radiologist sees them, or is refused in a line."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.testing import assert_array_equal

from mmdx.data.images import nifti
from mmdx.data.images.decode import decode, probe
from mmdx.data.images.modality import images_in, images_listed
from mmdx.data.images.suffixes import VOLUME_SUFFIXES
from mmdx.data.order.pixel_size import PixelSize
from mmdx.errors import DataError
from mmdx.study import ImageFiles, ImageRef, Order

WIDTH, DEPTH, HEIGHT = 3, 4, 5
"""Voxels from left to right, back to front, feet to head."""


def place(x: int, y: int, z: int) -> int:
    """The value of the voxel x from the left, y from the back, z from the feet."""
    return 100 * z + 10 * y + x


def write_volume(path: Path, axes: str = "RAS", *, zooms: tuple[float, ...] = (1, 1, 1)) -> Path:
    """Each voxel holds its `place` in the patient, stored along `axes`; `zooms` in mm, right, front, up."""
    values = np.fromfunction(np.vectorize(place), (WIDTH, DEPTH, HEIGHT), dtype=int).astype(np.int16)
    plain = nibabel.Nifti1Image(values, np.diag([*zooms, 1.0]))
    turned = plain.as_reoriented(ornt_transform(io_orientation(plain.affine), axcodes2ornt(axes)))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(turned, path)
    return path


def seen(z: int) -> list[list[int]]:
    """A slice as it must be shown: the first row is the front, the first column the patient's right."""
    return [[place(x, y, z) for x in (2, 1, 0)] for y in (3, 2, 1, 0)]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "ASR", "SPL", "PIR"])
@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_volume_is_shown_alike_whatever_axes_it_stores(tmp_path, axes, suffix):
    path = write_volume(tmp_path / f"v{suffix}", axes, zooms=(2, 2, 3.5))
    refs, order, problems = nifti.certify_volume(path)
    assert refs == tuple(ImageRef(path, z) for z in range(HEIGHT))
    stored = axes.replace("S", "H").replace("I", "F")
    assert (order, problems) == (Order("position", 3.5, axes=stored), ())
    slices, sizes = zip(*nifti.axial_slices(path, range(HEIGHT)), strict=True)
    assert sizes == (PixelSize(2.0, 2.0),) * HEIGHT
    assert [pixels.dtype for pixels in slices] == [np.float32] * HEIGHT
    for z, pixels in enumerate(slices):
        assert_array_equal(pixels, seen(z))


def test_slices_come_as_asked_for(tmp_path):
    path = write_volume(tmp_path / "v.nii")
    (first, _), (second, _) = nifti.axial_slices(path, [4, 1])
    assert_array_equal(first, seen(4))
    assert_array_equal(second, seen(1))
    with pytest.raises(DataError, match=r"no slice 5; it has 5, counted from 0"):
        list(nifti.axial_slices(path, [5]))


def test_an_oblique_volume_is_cut_along_its_own_axes(tmp_path):
    angle = np.radians(20)
    affine = np.eye(4)
    affine[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, 2] *= 4
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), affine), tmp_path / "v.nii")
    _, order, problems = nifti.certify_volume(tmp_path / "v.nii")
    assert order.source == "position"
    assert order.spacing_mm == pytest.approx(4, abs=1e-5)
    assert problems == ()


def test_the_spacing_is_measured_along_the_normal(tmp_path):
    sheared = np.eye(4)
    sheared[1:3, 2] = [3, 4]  # as by a gantry tilt: neighbours are 5 mm apart, their planes 4
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 2), np.int16), sheared), tmp_path / "v.nii")
    assert nifti.certify_volume(tmp_path / "v.nii")[1].spacing_mm == 4


def test_metres_become_millimetres_and_one_slice_has_no_spacing(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((3, 3, 2), np.int16), np.diag([0.001, 0.001, 0.005, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "v.nii")
    assert nifti.certify_volume(tmp_path / "v.nii")[1] == Order("position", 5.0, axes="RAH")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 1), np.int16), np.eye(4)), tmp_path / "one.nii")
    assert nifti.certify_volume(tmp_path / "one.nii")[1] == Order("position", axes="RAH")


def test_without_an_orientation_nothing_is_claimed(tmp_path):
    path = tmp_path / "v.nii"
    nibabel.save(nibabel.Nifti1Image(nibabel.load(write_volume(path)).get_fdata(dtype=np.float32), None), path)
    refs, order, (problem,) = nifti.certify_volume(path)
    assert (len(refs), order) == (HEIGHT, Order("instance"))
    assert "no orientation in the header" in problem
    assert next(iter(nifti.axial_slices(path, [2])))[0].min() == place(0, 0, 2)


def test_pixels_that_are_no_squares_are_named_and_resampled(tmp_path):
    path = write_volume(tmp_path / "v.nii", zooms=(5, 0.5, 0.5))
    assert nifti.certify_volume(path)[2] == ("pixels measure 5 x 0.5 mm (across x down); resampled to squares",)
    files, _ = images_listed([path])
    box = decode(files, 30).letterboxes[0]
    assert (box.width, box.height, box.shape, box.margins) == (WIDTH, DEPTH, (30, 4), (0, 13))


def twice_oriented(path: Path, sform: list[float], qform: list[float], *, codes: tuple[int, int] = (1, 1)) -> Path:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
    image.set_sform(np.diag([*sform, 1]), codes[0])
    image.set_qform(np.diag([*qform, 1]), codes[1])
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("sform", "qform", "said"),
    [
        ([1, 1, 1], [-1, 1, -1], "run to RAH by the one, to LAF by the other, so left and right, head and feet are in"),
        ([-1, 1, 1], [1, 1, 1], "run to LAH by the one, to RAH by the other, so left and right are in doubt"),
        ([1, 1, 1], [1, 1, 2], "sform and qform of the header place voxels up to 4 mm apart"),
    ],
)
def test_two_orientations_that_disagree_are_named(tmp_path, sform, qform, said):
    (problem,) = nifti.certify_volume(twice_oriented(tmp_path / "v.nii", sform, qform))[2]
    assert said in problem
    assert problem.endswith("; the sform is taken")
    assert nifti.certify_volume(tmp_path / "v.nii")[1].spacing_mm == 1


@pytest.mark.parametrize(
    ("qform", "codes"), [([1, 1, 1.0001], (1, 1)), ([1, 1, 1], (4, 1)), ([-1, 1, 1], (1, 0)), ([-1, 1, 1], (0, 1))]
)
def test_orientations_that_agree_and_one_alone_are_fine(tmp_path, qform, codes):
    assert nifti.certify_volume(twice_oriented(tmp_path / "v.nii", [1, 1, 1], qform, codes=codes))[2] == ()


def test_the_scaling_of_the_header_is_applied_and_single_dimensions_are_dropped(tmp_path):
    image = nibabel.Nifti1Image(np.full((3, 3, 2, 1), 7, np.int16), np.eye(4))
    image.header.set_slope_inter(2, 0.5)
    nibabel.save(image, tmp_path / "v.nii.gz")
    ((pixels, _),) = nifti.axial_slices(tmp_path / "v.nii.gz", [1])
    assert set(pixels.ravel()) == {14.5}


def test_images_probe_and_decode_volumes(tmp_path):
    path = write_volume(tmp_path / "V.NII.GZ", "PIR")
    assert probe(path)[:3] == ("intensity", 1, tuple(range(HEIGHT)))
    files, _ = images_listed([path])
    decoded = decode(files, 4)
    assert (decoded.pixels.shape, decoded.pixels.dtype) == ((HEIGHT, 1, 4, 4), np.uint8)
    means = decoded.pixels.mean(axis=(1, 2, 3)).tolist()
    assert means == sorted(means)
    with pytest.raises(DataError, match="only DICOM tells Hounsfield units"):
        decode(ImageFiles(files.images, files.order, "HU"), 4)


def test_a_volume_is_read_once_a_study(tmp_path, monkeypatch):
    files, _ = images_listed([write_volume(tmp_path / "v.nii.gz")])
    read, reads = nifti._voxels, []
    monkeypatch.setattr(nifti, "_voxels", lambda path, header: reads.append(path) or read(path, header))
    decode(files, 4)
    assert len(reads) == 1


def test_a_volume_stands_alone_in_its_modality(tmp_path):
    first, second = write_volume(tmp_path / "a.nii.gz"), write_volume(tmp_path / "b.nii")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"a\.nii\.gz: .* 2 files stand under one name \(a\.nii\.gz, b\.nii\)"):
        images_in(tmp_path, tmp_path)
    with pytest.raises(DataError, match="give each volume its own"):
        images_listed([first, second])
    second.unlink()
    files, problems = images_in(tmp_path, tmp_path)
    assert (len(files.images), problems) == (HEIGHT, ("left out notes.txt: no volume",))


def write_header(path: Path, **fields: object) -> Path:
    """A header that says what no file of its size holds."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((2, 2, 2))
    header.set_sform(np.eye(4), 1)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    for field, value in fields.items():
        header[field] = value
    raw = header.binaryblock + bytes(4 + 64)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((2, 2, 2, 3), np.int16), r"4 dimensions \(2 x 2 x 2 x 3\); .*split the file"),
        (np.zeros((2, 2), np.int16), r"2 dimensions \(2 x 2\)"),
        (np.zeros((2, 2, 2), np.complex64), "colour or complex"),
        (np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colour or complex"),
    ],
    ids=["series", "flat", "complex", "colour"],
)
def test_what_is_no_grey_volume_is_refused(tmp_path, values, said):
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "v.nii.gz")
    with pytest.raises(DataError, match=said) as caught:
        probe(tmp_path / "v.nii.gz")
    assert str(caught.value).startswith(str(tmp_path / "v.nii.gz"))


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dim": [3, 30000, 30000, 30000, 1, 1, 1, 1]}, "claims 30000 x 30000 x 30000 voxels, more than"),
        ({"dim": [3, 2, 0, 2, 1, 1, 1, 1]}, "no voxel in it"),
        ({"dim": [3, 2, -2, 2, 1, 1, 1, 1]}, "no voxel in it"),
        ({"datatype": 9999}, "not a NIfTI volume"),
        ({"magic": b"xyz"}, "not a NIfTI volume"),
        ({"srow_x": [0, 0, 0, 0]}, "singular"),
        ({"srow_x": [np.nan, 0, 0, 0]}, "not finite"),
    ],
    ids=["absurd", "empty", "negative", "datatype", "magic", "singular", "nan"],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, capfd, fields, said, suffix):
    with pytest.raises(DataError, match=said) as caught:
        probe(write_header(tmp_path / f"v{suffix}", **fields))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_file_that_ends_too_early_is_refused(tmp_path):
    plain, packed = write_volume(tmp_path / "v.nii"), write_volume(tmp_path / "v.nii.gz")
    plain.write_bytes(plain.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"v\.nii: truncated: 465 bytes of 472"):
        probe(plain)
    noise = np.random.default_rng(0).integers(0, 999, (20, 20, 9), np.int16)
    nibabel.save(nibabel.Nifti1Image(noise, np.eye(4)), packed)
    packed.write_bytes(packed.read_bytes()[:-2000])
    assert probe(packed)[:3] == ("intensity", 1, tuple(range(9)))
    with pytest.raises(DataError, match=r"v\.nii\.gz: broken or cut short"):
        decode(ImageFiles((ImageRef(packed),), Order("given")), 4)


@pytest.mark.parametrize("raw", [b"", b"no volume", gzip.compress(b"no volume", mtime=0), b"\x1f\x8b\x08broken"])
@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_file_that_only_has_the_name_is_refused(tmp_path, raw, suffix):
    (tmp_path / f"v{suffix}").write_bytes(raw)
    with pytest.raises(DataError) as caught:
        probe(tmp_path / f"v{suffix}")
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        probe(tmp_path / "gone.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(DataError, match=r"folder\.nii"):
        probe(tmp_path / "folder.nii")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_refused(tmp_path, value):
    values = np.zeros((2, 2, 3), np.float32)
    values[0, 0, 1] = value
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "v.nii")
    assert probe(tmp_path / "v.nii")[:3] == ("intensity", 1, (0, 1, 2))
    with pytest.raises(DataError, match=r"no numbers .* in slice 1"):
        list(nifti.axial_slices(tmp_path / "v.nii", range(3)))


def test_a_header_that_claims_much_takes_no_memory(tmp_path):
    big = {"dim": [3, 512, 1024, 1024, 1, 1, 1, 1], "datatype": 16, "bitpix": 32}
    with pytest.raises(DataError, match=r"512 x 1024 x 1024 voxels of float32 are more than 1610612736 bytes"):
        probe(write_header(tmp_path / "v.nii.gz", **big))
    with pytest.raises(DataError, match=r"slices of 16384 x 16384 pixels, more than 67108864"):
        probe(write_header(tmp_path / "v.nii.gz", dim=[3, 16384, 16384, 2, 1, 1, 1, 1]))
    with pytest.raises(DataError, match=r"its voxels begin at byte 2147483648; expected 16777216 at most"):
        probe(write_header(tmp_path / "v.nii.gz", vox_offset=2.0**31))


def test_an_extension_that_claims_much_is_not_read(tmp_path):
    path = write_header(tmp_path / "v.nii.gz", vox_offset=368)
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[348:360] = bytes([1, 0, 0, 0]) + (2**31 - 16).to_bytes(4, "little") + (6).to_bytes(4, "little")
    path.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(DataError, match="not a NIfTI volume that can be read \\(failed to read extension content"):
        probe(path)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.uint8, ">i2", ">f8"])
def test_voxels_are_those_of_nibabel(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(nifti, "_STEP", 7)  # read in parts
    image = nibabel.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(kind), np.diag([-1, -1, 1, 1]), dtype=kind)
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "v.nii.gz")
    expected = nibabel.load(tmp_path / "v.nii.gz").get_fdata(dtype=np.float32)
    for k, (pixels, _) in enumerate(nifti.axial_slices(tmp_path / "v.nii.gz", range(5))):
        assert_array_equal(pixels, expected[:, :, k].T)


def test_a_header_of_nifti_2_and_one_of_the_other_byte_order_are_read(tmp_path):
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nibabel.save(nibabel.Nifti2Image(values, np.eye(4)), tmp_path / "v.nii.gz")
    assert nifti.count_slices(tmp_path / "v.nii.gz") == 5
    other = nibabel.Nifti1Image(values, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    nibabel.save(other, tmp_path / "w.nii")
    assert nifti.count_slices(tmp_path / "w.nii") == 5


def test_what_is_packed_is_read_to_its_end_and_no_further(tmp_path):
    path = write_volume(tmp_path / "v.nii.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    with pytest.raises(DataError, match=r"v\.nii\.gz: broken or cut short \(CRC check failed"):
        list(nifti.axial_slices(path, [0]))
    path.write_bytes(gzip.compress(gzip.decompress(whole) + bytes(2**24 + 1)))
    with pytest.raises(DataError, match="more than 16777216 bytes behind its voxels"):
        list(nifti.axial_slices(path, [0]))
