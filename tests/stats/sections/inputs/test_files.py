"""The file of swaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from swaps_by_hand import swaps_of

from mmdx.errors import DataError
from mmdx.stats.sections.inputs.files import read_swaps


def test_what_is_written_is_read(tmp_path: Path):
    swaps = swaps_of(np.arange(6.0), np.ones(6), studies=["s0", "s1", "ü", "s3", "s4", "s5"])
    swaps.save(tmp_path / "deep" / "a.safetensors")
    read = read_swaps(tmp_path / "deep" / "a.safetensors")
    assert (read.studies, read.findings, read.inputs, read.of) == (swaps.studies, ("bleed",), ("image", "report"), 6)
    for kind in ("pairs", "shown", "texts", "changed"):
        ours, theirs = getattr(swaps, kind), getattr(read, kind)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_damaged_file_is_refused(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    swaps_of(np.arange(6.0), np.ones(6)).save(path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.safetensors: is damaged .*; run mmdx inputs again"):
        read_swaps(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is no safetensors file"):
        read_swaps(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_swaps(path)


def test_numbers_that_are_none_are_refused(tmp_path: Path):
    swaps_of(np.array([0, 1, 2, 3, 4, np.nan]), np.ones(6)).save(tmp_path / "a.safetensors")
    with pytest.raises(DataError, match="numbers that are none"):
        read_swaps(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"studies": ("s0",)},
        {"inputs": ("image",)},
        {"findings": ("bleed", "mass")},
        {"shown": {}},
        {"texts": {}},
        {"studies": ()},
    ],
)
def test_tables_that_are_not_those_that_are_named_are_refused(tmp_path: Path, change: dict):
    replace(swaps_of(np.arange(6.0), np.ones(6)), **change).save(tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"a\.safetensors: (holds other tables than|does not name its)"):
        read_swaps(tmp_path / "a.safetensors")
