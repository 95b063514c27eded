from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from mmdx.data.phantom.cohort import cohort
from mmdx.data.phantom.recipe import Recipe
from mmdx.data.phantom.series import write_series

RECIPE = Recipe(patients=2)
HU = np.arange(-1024, -1024 + 4 * 64 * 64 // 4, dtype=np.int16).repeat(4).reshape(4, 64, 64)


def written(folder: Path, modality: str = "image", recipe: Recipe = RECIPE) -> list[pydicom.Dataset]:
    names = write_series(folder, recipe, cohort(recipe)[0], modality, HU)
    return [pydicom.dcmread(folder / name) for name in names]


def test_files_are_ct_images_that_give_the_hounsfield_units_back(tmp_path: Path) -> None:
    for plane, file in zip(HU, written(tmp_path / "s"), strict=True):
        assert file.SOPClassUID == CTImageStorage
        assert file.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (file.BitsAllocated, file.BitsStored, file.PixelRepresentation) == (16, 12, 0)
        pixels = file.pixel_array.astype(int) * int(file.RescaleSlope) + int(file.RescaleIntercept)
        np.testing.assert_array_equal(pixels, plane)


def test_slices_climb_in_even_steps(tmp_path: Path) -> None:
    files = written(tmp_path / "s")
    assert [file.InstanceNumber for file in files] == [1, 2, 3, 4]
    assert [file.ImagePositionPatient[2] for file in files] == [8.75, 26.25, 43.75, 61.25]
    assert {float(file.SliceThickness) for file in files} == {17.5}
    assert float(files[0].ImagePositionPatient[0]) == pytest.approx(
        -110 + float(files[0].PixelSpacing[0]) / 2, abs=1e-3
    )


def test_file_names_tell_nothing_about_the_order(tmp_path: Path) -> None:
    names = write_series(tmp_path / "s", RECIPE, cohort(RECIPE)[0], "image", HU.repeat(3, axis=0))
    assert len(set(names)) == 12
    assert list(names) != sorted(names)
    assert not any(name.removesuffix(".dcm").isdigit() for name in names)


def test_identities_are_nested_and_stable(tmp_path: Path) -> None:
    plain, again, enhanced = written(tmp_path / "a"), written(tmp_path / "b"), written(tmp_path / "c", "enhanced")
    more = written(tmp_path / "d", recipe=Recipe(patients=3))
    other = written(tmp_path / "e", recipe=Recipe(patients=2, seed=1))
    assert [f.SOPInstanceUID for f in plain] == [f.SOPInstanceUID for f in again] == [f.SOPInstanceUID for f in more]
    assert len({f.SOPInstanceUID for f in plain + enhanced}) == 8
    assert len({f.SeriesInstanceUID for f in plain}) == 1
    assert plain[0].SeriesInstanceUID != enhanced[0].SeriesInstanceUID
    assert plain[0].StudyInstanceUID == enhanced[0].StudyInstanceUID
    assert plain[0].StudyInstanceUID != other[0].StudyInstanceUID
    assert plain[0].PatientID == "phantom-00001"
