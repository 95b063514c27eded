"""What is known of a cohort, from its studies alone."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from cohorts import write_png
from raw_studies import images, study, vectors

from mmdx.engine.planning.facts.cohort import Label, cohort_of
from mmdx.errors import DataError
from mmdx.study import Box, Order, OrderSource


@pytest.fixture
def png(tmp_path: Path) -> Path:
    return write_png(tmp_path / "a.png", 9, 40)


def found(*studies):
    return cohort_of(studies, "folder", {}, Path("raw"))


def of_patient(patient: str, name: str, modalities: dict, **facts):
    return replace(study(name, modalities, **facts), patient_id=patient)


def in_order(source: OrderSource, *paths: Path):
    return replace(images(*paths), order=Order(source))


def test_patients_and_their_labels() -> None:
    text = {"note": "a fall"}
    cohort = found(
        of_patient("1", "a", text, labels={"bleed": 1.0}),
        of_patient("1", "b", text, labels={"bleed": 0.0}),
        of_patient("2", "c", text, labels={"bleed": 0.0}),
        of_patient("3", "d", text, labels={"bleed": nan}),
        of_patient("4", "e", text, labels={"bleed": 1.0}, split="test"),
        of_patient("5", "f", {}, labels={"bleed": 1.0}, problems=("unreadable",)),
    )
    assert (cohort.studies, cohort.refused, cohort.patients) == (5, 1, 4)
    assert cohort.labels == {"bleed": Label(positive=2, negative=1, taught=1, denied=1, studies=4)}
    assert cohort.labels["bleed"].rarer == 1
    assert cohort.splits == {"test": 1}
    assert cohort.reports["note"].count == 5


def test_slices_tell_of_a_study_that_has_no_label(png: Path) -> None:
    cohort = found(
        study("a", {"image": images(png, png)}, slice_labels={"image": {"bleed": (0.0, 1.0)}}),
        study("b", {"image": images(png, png)}, slice_labels={"image": {"bleed": (0.0, nan)}}),
    )
    assert cohort.labels == {"bleed": Label(positive=1, negative=1, taught=1, denied=1, studies=0)}
    assert cohort.slice_labels == {"image": {"bleed": 1}}


def test_images_their_order_and_boxes(png: Path) -> None:
    box = Box("image", 0, "bleed", 1.0, 1.0, 5.0, 5.0)
    cohort = found(
        study("a", {"image": in_order("filename", png, png, png)}, boxes=(box, box)),
        study("b", {"image": in_order("unknown", png, png)}),
        study("c", {"image": images(png)}),
    )
    image = cohort.pictures["image"]
    assert (image.studies, image.total, image.middle, image.longest, image.mean) == (3, 6, 2, 3, 2)
    assert (image.ordered, image.unit, image.channels, image.pixels.side) == (0.5, "intensity", 1, 40)
    assert cohort.boxes == {"image": {"bleed": 1}}


def test_modalities_of_the_same_slices(png: Path) -> None:
    def files(count: int):
        return in_order("filename", *[png] * count)

    both = [study("a", {"brain": files(3), "bone": files(3)}), study("b", {"brain": files(2)})]
    assert found(*both).aligned == (("brain", "bone"),)
    assert found(*both, study("c", {"brain": files(3), "bone": files(2)})).aligned == ()


def test_descriptors_have_a_width(tmp_path: Path) -> None:
    cohort = found(study("a", {"tiles": vectors(tmp_path / "a.npy", [[1, 2, 3], [4, 5, 6]])}))
    assert (cohort.vectors["tiles"].width, cohort.vectors["tiles"].studies) == (3, 1)


def test_a_cohort_that_cannot_be_read_is_one_line() -> None:
    with pytest.raises(DataError, match="raw: reader 'folder' found no study that can be read; mmdx inspect says why"):
        found(study("a", {}, problems=("unreadable",)))
