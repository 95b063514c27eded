"""Images inside NumPy archives: where they stand, what is refused, and that one reading serves many studies."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from mmdx.data.images import containers
from mmdx.data.images.containers import array, array_facts, array_names, items
from mmdx.data.images.decode import decode
from mmdx.errors import DataError
from mmdx.study import ImageFiles, ImageRef, Order


def archive(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def decoded(path, key, *frames, channels=1, unit="intensity"):
    refs = tuple(ImageRef(path, frame, key) for frame in frames)
    return decode(ImageFiles(refs, Order("given"), unit, channels), 4).pixels


@pytest.fixture
def flat(tmp_path):
    grey = np.stack([np.full((4, 4), 10 * k, np.uint8) for k in range(5)])
    colour = np.stack([np.full((4, 4, 3), [k, 0, 9], np.uint8) for k in range(2)])
    return archive(tmp_path / "a.npz", grey=grey, colour=colour)


def test_frames_are_found_in_any_order(flat):
    assert decoded(flat, "grey", 3, 0, 4)[:, 0, 0, 0].tolist() == [30, 0, 40]
    assert decoded(flat, "colour", 1, channels=3)[0, :, 2, 2].tolist() == [1, 0, 9]


def test_slices_of_a_volume_are_frames_of_their_own(tmp_path):
    volumes = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3, 1, 1).repeat(4, 2).repeat(5, 3)
    path = archive(tmp_path / "v.npz", v=volumes)
    facts = array_facts(path, "v")
    assert (facts.count, facts.slices, facts.height, facts.width, facts.channels) == (2, 3, 4, 5, 1)
    assert [int(pixels[0, 0]) for _, pixels in items(path, "v", [3, 4, 5])] == [3, 4, 5]


def test_a_last_axis_of_one_is_grey_and_no_volume(tmp_path):
    facts = array_facts(archive(tmp_path / "a.npz", a=np.zeros((2, 6, 7, 1), np.uint8)), "a")
    assert (facts.count, facts.slices, facts.shape) == (2, 1, (6, 7))


def test_deep_pixels_are_scaled_over_the_modality(tmp_path):
    deep = np.stack([np.full((4, 4), value, np.int16) for value in (-1000, 0, 1000)])
    pixels = decoded(archive(tmp_path / "a.npz", a=deep), "a", 0, 1, 2)
    assert pixels[:, 0, 0, 0].tolist() == [0, 128, 255]


def test_neighbouring_frames_open_the_archive_once(flat, monkeypatch):
    opened = []
    real = containers._Stream
    monkeypatch.setattr(containers, "_Stream", lambda *place: opened.append(place) or real(*place))
    containers._stream.cache_clear()
    for frame in range(5):
        decoded(flat, "grey", frame)
    assert len(opened) == 1


def test_a_changed_archive_is_read_anew(flat):
    assert decoded(flat, "grey", 1)[0, 0, 0, 0] == 10
    archive(flat, grey=np.full((5, 4, 4), 77, np.uint8))
    assert decoded(flat, "grey", 1)[0, 0, 0, 0] == 77


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.array([[{}]], object), "cannot be read as a NumPy archive|holds object"),
        (np.zeros((2, 2)), r"shape \(2, 2\); images are \[n h w\]"),
        (np.zeros((1, 2, 2), "U3"), "holds <U3, no numbers"),
        (np.zeros((1, 2, 2, 3), np.uint16), "colours of type uint16; save them as uint8"),
        (np.asfortranarray(np.zeros((2, 3, 4), np.uint8)), "stored column by column"),
        (np.zeros((1, 0, 4), np.uint8), "has no pixels"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, pixels, said):
    with pytest.raises(DataError, match=said):
        array_facts(archive(tmp_path / "a.npz", a=pixels), "a")


def test_what_is_not_there_is_named(flat, tmp_path):
    assert array_names(flat) == ["grey", "colour"]
    with pytest.raises(DataError, match="no array 'gray'; did you mean 'grey'"):
        decoded(flat, "gray", 0)
    with pytest.raises(DataError, match="no array 'gray'; did you mean 'grey'"):
        array(flat, "gray")
    with pytest.raises(DataError, match="no image 5; it has 5, counted from 0"):
        decoded(flat, "grey", 5)
    with pytest.raises(DataError, match=r"none\.npz: no such file"):
        array_names(tmp_path / "none.npz")
    with pytest.raises(DataError, match="only DICOM tells Hounsfield units"):
        decoded(flat, "grey", 0, unit="HU")


def test_undefined_pixels_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"array 'a', image 0: pixels that are no numbers"):
        decoded(archive(tmp_path / "a.npz", a=np.full((1, 2, 2), np.nan)), "a", 0)


def test_damaged_archives_are_one_line(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (9, 32, 32), np.uint8)
    path = archive(tmp_path / "a.npz", a=noise)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as a NumPy archive: .+"):
        array_facts(path, "a")
    path.write_bytes(whole[:2000] + b"\xff" * 5000 + whole[7000:])
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as a NumPy archive: .+"):
        decoded(path, "a", *range(9))


def test_a_header_that_promises_more_than_there_is(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 4, 4), np.uint8))
    short = (tmp_path / "a.npy").read_bytes()[:-16]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", short)
    with pytest.raises(DataError, match="holds fewer numbers than it says"):
        array_facts(tmp_path / "a.npz", "a")


def test_objects_are_never_unpickled(tmp_path):
    with pytest.raises(DataError, match="holds object, no numbers"):
        array(archive(tmp_path / "a.npz", a=np.array([{}], object)), "a")


@pytest.mark.parametrize("claim", [(2**30, 1), (2**40, 1)])
def test_labels_that_claim_more_than_there_is_take_no_memory(tmp_path, claim):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<i8", "fortran_order": False, "shape": claim})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", head.getvalue() + bytes(64))
    with pytest.raises(DataError, match=rf"array 'a': claims {8 * claim[0]} bytes; labels take 268435456 at most"):
        array(tmp_path / "a.npz", "a")
    short = head.getvalue().replace(str(claim[0]).encode(), b"100".ljust(len(str(claim[0]))))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        file.writestr("a.npy", short + bytes(64))
    with pytest.raises(DataError, match="array 'a': holds fewer numbers than it says"):
        array(tmp_path / "b.npz", "a")


def test_labels_stored_column_by_column_are_read(tmp_path):
    labels = np.asfortranarray(np.arange(6).reshape(3, 2))
    assert array(archive(tmp_path / "a.npz", a=labels), "a").tolist() == labels.tolist()
