from pathlib import Path

import numpy as np
import pydicom
import pytest

from mmdx.data.phantom.recipe import FINDINGS, Recipe
from mmdx.data.readers.phantom import read
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.schema import Component
from mmdx.study import ImageFiles, Study


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phantom")


@pytest.fixture(scope="module")
def studies(root: Path) -> list[Study]:
    return read(root, patients=12, matrix=64, prevalence=0.4)


def images(study: Study, modality: str) -> ImageFiles:
    files = study.modalities[modality]
    assert isinstance(files, ImageFiles)
    return files


def test_the_options_are_those_of_a_recipe() -> None:
    assert READERS.options(Component(type="phantom")) == {
        **Recipe().as_json(),
        "strength": "apart",
        "image_contrast": 1.0,
    }


def test_studies_have_two_image_series_and_a_report(studies: list[Study]) -> None:
    assert len({study.patient_id for study in studies}) == 12
    for study in studies:
        assert set(study.modalities) == {"image", "enhanced", "report"}
        assert images(study, "image").unit == images(study, "enhanced").unit == "HU"
        assert 8 <= len(images(study, "image").images) <= 14
        assert str(study.modalities["report"]).startswith("INDICATION: ")
        assert study.problems == ()
        assert study.split is None


def test_order_is_certified_by_position(studies: list[Study]) -> None:
    for study in studies:
        for modality in ("image", "enhanced"):
            files = images(study, modality)
            assert files.order.source == "position"
            assert files.order.spacing_mm == pytest.approx(70 / len(files.images), abs=2e-3)
            assert (files.order.gaps, files.order.duplicates, files.order.agrees) == ((), (), True)


def test_slice_labels_and_boxes_are_on_the_right_slices(studies: list[Study]) -> None:
    """Boxes follow the files: their centres are brighter, or darker, where the strength says so."""
    for study in studies:
        for modality in ("image", "enhanced"):
            labels = study.slice_labels[modality]
            count = len(images(study, modality).images)
            assert {len(values) for values in labels.values()} == {count}
            for finding in FINDINGS:
                marked = [index for index, value in enumerate(labels[finding]) if value]
                boxed = [box.image for box in study.boxes if (box.modality, box.finding) == (modality, finding)]
                assert marked == sorted(boxed)
                assert bool(marked) == bool(study.labels[finding])
                assert marked == list(range(min(marked, default=0), min(marked, default=0) + len(marked)))
            assert labels["any"] == tuple(max(labels[k][i] for k in FINDINGS) for i in range(count))


def test_boxes_enclose_the_density_that_the_log_odds_tell(studies: list[Study]) -> None:
    seen, drawn = [], []
    for study in studies:
        for box in study.boxes:
            if (box.modality, box.finding) == ("image", "intraparenchymal"):
                pixels = pydicom.dcmread(images(study, "image").images[box.image].path).pixel_array - 1024.0
                rows, columns = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
                seen.append(np.median(pixels[rows, columns]))
                drawn.append(study.traits["log_odds/image/intraparenchymal"])
    assert len(seen) >= 6
    assert np.corrcoef(seen, drawn)[0, 1] > 0.97


def test_traits_tell_the_person_and_the_truth(studies: list[Study]) -> None:
    traits = studies[0].traits
    assert {"age", "sex", "scanner", "log_odds/image/any", "log_odds/report/epidural"} <= set(traits)
    assert "log_odds/image+enhanced+report/subdural" in traits
    assert len([name for name in traits if name.startswith("log_odds/")]) == 7 * 6


def test_reading_again_gives_the_same_studies(root: Path, studies: list[Study]) -> None:
    assert read(root, patients=12, matrix=64, prevalence=0.4) == studies


def test_missing_modalities_are_absent(tmp_path: Path) -> None:
    found = read(tmp_path, patients=3, matrix=64, missing_enhanced=1.0, missing_report=1.0)
    assert {tuple(study.modalities) for study in found} == {("image",)}
    assert not list(tmp_path.rglob("enhanced"))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = images(read(tmp_path, patients=1, matrix=64)[0], "image").images[2].path
    file.write_bytes(b"not DICOM")
    with pytest.raises(DataError, match=f"{file.name}: not to be read"):
        read(tmp_path, patients=1, matrix=64)
