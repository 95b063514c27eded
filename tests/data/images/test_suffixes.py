"""Which files are images by their names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmdx.data.images.suffixes import is_nifti


@pytest.mark.parametrize(
    ("name", "volume"), [("a.nii", True), ("A.NII.GZ", True), ("a.gz", False), ("nii", False), ("a.nii.png", False)]
)
def test_a_volume_is_told_by_its_suffix(name: str, volume: bool):
    assert is_nifti(Path(name)) == volume


def test_what_is_slow_to_import_is_imported_for_files_that_need_it_alone():
    slow = {"nibabel", "highdicom", "datasets", "matplotlib", "scipy.optimize", "sklearn"}
    code = f"import sys, mmdx.engine.inference.explain; found = {slow} & set(sys.modules); assert not found, found"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
