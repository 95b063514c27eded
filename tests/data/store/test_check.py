from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from mmdx.data.store.check import check_studies
from mmdx.errors import DataError
from mmdx.study import Box, ImageFiles, ImageRef, Order, Study, VectorFiles

TWO_IMAGES = ImageFiles((ImageRef(Path("1.png")), ImageRef(Path("2.png"))), Order("filename"))
GOOD = Study("s1", "p1", {"ct": TWO_IMAGES, "report": "Fell off a ladder."}, {"any": 1.0, "fracture": math.nan})


def test_good_studies_pass():
    unreadable = Study("s2", "", {}, problems=("scan.dcm: broken header",))
    check_studies([GOOD, unreadable, dataclasses.replace(GOOD, study_id="s3")])


def changed(**fields) -> list[Study]:
    return [dataclasses.replace(GOOD, **fields)]


@pytest.mark.parametrize(
    ("studies", "line"),
    [
        ([GOOD, GOOD], "study 's1': listed 2 times; give each study its own study_id"),
        (
            [GOOD, dataclasses.replace(GOOD, patient_id="p2")],
            "study 's1': stands under the patients 'p1', 'p2'; give each its own study_id",
        ),
        (changed(patient_id=" "), "study 's1': has no patient_id; patients cannot be split without one"),
        (changed(modalities={}), "study 's1': has no modality and no problem says why"),
        (changed(modalities={"report": " "}), "study 's1': modality 'report' is empty text"),
        (changed(modalities={"ct": ImageFiles((), Order("unknown"))}), "study 's1': modality 'ct' has no images"),
        (changed(modalities={"slide": VectorFiles((), 4)}), "study 's1': modality 'slide' has no descriptors"),
        (
            changed(modalities={"ct": dataclasses.replace(TWO_IMAGES, order=Order("filename", gaps=(2,)))}),
            "study 's1': the order of 'ct' points at image 2, of 2",
        ),
        (changed(labels={"any": 0.5}), "study 's1': label of 'any' is 0.5"),
        (
            changed(slice_labels={"ct": {"any": (1.0,)}}),
            "study 's1': 1 slice labels of 'any' for 2 images of 'ct'; give one label per image",
        ),
        (changed(slice_labels={"ct": {"any": (1.0, 3.0)}}), "study 's1': a slice label of 'any' on 'ct' is not 1, 0"),
        (changed(slice_labels={"mr": {"any": (1.0,)}}), "study 's1': slice labels for 'mr', which is no image"),
        (
            changed(boxes=(Box("ct", 0, "mass", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'mass' on 'ct' names a finding that",
        ),
        (
            changed(boxes=(Box("ct", 2, "any", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'ct' points at image 2, of 2",
        ),
        (
            changed(boxes=(Box("mr", 0, "any", 0.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'mr' names no image modality",
        ),
        (
            changed(boxes=(Box("ct", 0, "any", 3.0, 0.0, 1.0, 1.0),)),
            "study 's1': a box of 'any' on 'ct' runs from (3, 0) to",
        ),
    ],
)
def test_a_contradiction_is_one_line(studies, line):
    with pytest.raises(DataError) as error:
        check_studies(studies)
    assert [problem.startswith(line) for problem in error.value.problems] == [True]


def test_all_contradictions_are_told_at_once():
    with pytest.raises(DataError) as error:
        check_studies([GOOD, GOOD, *changed(study_id="s2", patient_id="", labels={"any": 7.0})])
    assert len(error.value.problems) == 3


def study(name: str, **fields) -> Study:
    return Study(name, name, {"report": "Fell."}, **fields)


def test_studies_are_checked_against_the_groups_of_all_of_them(tmp_path):
    whole = study("s1", labels={"D/a": 0.0, "D/b": 1.0, "D/c": 0.0})
    with pytest.raises(DataError, match=r"study 's2': 'D/a' is 1 and 'D/b' and 'D/c' unknown"):
        check_studies([whole, study("s2", labels={"D/a": 1.0})])
    check_studies([whole, study("s2", labels={}), study("s3", labels={"other/a": 0.0})])


def test_labels_of_images_are_checked_too(tmp_path):
    images = ImageFiles((ImageRef(tmp_path / "1.png"), ImageRef(tmp_path / "2.png")), Order("given"))
    slices = {"ct": {"D/a": (1.0, 0.0), "D/b": (0.0, 0.0)}}
    with pytest.raises(DataError, match=r"study 's1': image 1 of 'ct': all of the group 'D'"):
        check_studies([Study("s1", "p1", {"ct": images}, {}, slices)])


def test_a_study_that_cannot_be_read_needs_no_lawful_labels():
    check_studies([Study("s1", "s1", {}, {"D/a": 0.0, "D/b": 0.0, "D/c": 0.0}, problems=("no file",))])
