"""Descriptors on disk: written in parts, read back as they are, refused where anything of them is broken."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from mmdx.data.loading.encoded import Encoded, account_of, lay_out, put, read_encoded, write_account
from mmdx.errors import DataError

VALUES = np.arange(12, dtype=np.float32).reshape(6, 2)
LENGTHS = (2, 0, 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two descriptors, of the last study first, then the others."""
    path = tmp_path / "key.npy"
    lay_out(path, 6, 2)
    put(path, 2, 6, VALUES[2:])
    put(path, 0, 6, VALUES[:2])
    write_account(path, LENGTHS, {"store": "f" * 32})
    return path


def test_each_study_has_its_own_descriptors(path: Path):
    encoded = read_encoded(path)
    assert (encoded.width, encoded.fingerprint) == (2, "f" * 32)
    assert [encoded.of(row).tolist() for row in range(3)] == [VALUES[:2].tolist(), [], VALUES[2:].tolist()]
    assert not encoded.values.flags.writeable
    assert np.array_equal(np.load(path), VALUES)


def test_another_process_opens_the_file_anew(path: Path):
    sent = pickle.dumps(read_encoded(path))
    assert len(sent) < 500
    received = pickle.loads(sent)
    assert isinstance(received, Encoded)
    assert np.array_equal(received.values, VALUES)


def test_a_large_file_stays_on_disk(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mmdx.data.loading.encoded.HELD", 0)
    values = read_encoded(path).values
    assert isinstance(values.base, np.memmap)
    assert np.array_equal(values, VALUES)


def test_broken_files_are_refused_in_one_line(path: Path):
    whole = path.read_bytes()
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    for content in (whole[:-4], b"", changed, whole + b"\0\0\0\0"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="descriptors that cannot be read") as refused:
            read_encoded(path)
        assert len(refused.value.problems) == 1
    path.write_bytes(whole)
    account_of(path).write_text("{}")
    with pytest.raises(DataError, match=r"key\.npy"):
        read_encoded(path)
