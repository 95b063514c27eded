"""Descriptors are read as they are, or refused in a line; nothing pickled is ever run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mmdx.data.vectors import read_vectors, vectors_listed
from mmdx.errors import DataError
from mmdx.study import VectorFiles


def save(path: Path, values: object, dtype: type = np.float32) -> Path:
    np.save(path, np.asarray(values, dtype))
    return path


def test_one_descriptor_and_several_are_stacked_in_their_order(tmp_path):
    paths = [save(tmp_path / "b.npy", [[3, 4], [5, 6]], np.float64), save(tmp_path / "a.npy", [1, 2], np.float16)]
    vectors = vectors_listed(paths)
    assert vectors == VectorFiles(tuple(paths), 2)
    stacked = read_vectors(vectors)
    assert_array_equal(stacked, [[3, 4], [5, 6], [1, 2]])
    assert stacked.dtype == np.float32


def test_one_modality_has_one_width(tmp_path):
    paths = [save(tmp_path / "a.npy", [1, 2]), save(tmp_path / "b.npy", [1, 2, 3])]
    with pytest.raises(DataError, match=r"b\.npy: 3 values per descriptor, but 2 in a\.npy; keep one width"):
        vectors_listed(paths)
    with pytest.raises(DataError, match=r"b\.npy: 3 values per descriptor, but 2 were announced"):
        read_vectors(VectorFiles(tuple(paths), 2))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([[1, 2], [np.nan, 1]], np.float32), ([[1, 2], [0, np.inf]], np.float16), ([[0], [1e300]], float)],
)
def test_values_that_are_no_numbers_are_refused(tmp_path, values, dtype):
    vectors = vectors_listed([save(tmp_path / "a.npy", values, dtype)])
    with pytest.raises(DataError, match=r"a\.npy: descriptor 1 has values that are no numbers"):
        read_vectors(vectors)


@pytest.mark.parametrize(
    ("values", "dtype", "said"),
    [
        (np.zeros((0, 4)), np.float32, "is empty"),
        (np.zeros((4, 0)), np.float32, "is empty"),
        (3, np.float32, "0 dimensions"),
        (np.zeros((2, 2, 2)), np.float32, "3 dimensions"),
        ([1, 2], np.int64, "holds int64"),
        (["a"], str, "holds <U1"),
    ],
)
def test_what_is_no_list_of_descriptors_is_refused(tmp_path, values, dtype, said):
    with pytest.raises(DataError, match=rf"a\.npy: .*{said}|a\.npy: {said}"):
        vectors_listed([save(tmp_path / "a.npy", values, dtype)])


def test_objects_are_refused_unread(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"no array that can be read \(.*Python objects"):
        vectors_listed([tmp_path / "a.npy"])


@pytest.mark.parametrize(
    "raw", [b"", b"words", b"\x80\x04pickle", b"PK\x03\x04archive", b"\x93NUMPY\x01\x00\x09\x00{'descr': "]
)
def test_a_file_that_only_has_the_name_is_refused(tmp_path, raw):
    (tmp_path / "a.npy").write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.npy: no array") as caught:
        vectors_listed([tmp_path / "a.npy"])
    assert "\n" not in str(caught.value)
    assert "unsafely" not in str(caught.value)


def test_a_file_that_ends_too_early_or_is_not_there_is_refused(tmp_path):
    path = save(tmp_path / "a.npy", np.zeros((9, 9)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="no array that can be read"):
        vectors_listed([path])
    with pytest.raises(DataError, match="No such file"):
        vectors_listed([tmp_path / "b.npy"])
