"""Rules that tell the series of a study apart, and what they make of it."""

from __future__ import annotations

from pathlib import Path

import cohorts
import numpy as np
import pydicom
import pytest

from mmdx.data.dicom.files import read_header
from mmdx.data.dicom.rules import SeriesRule, choose_each
from mmdx.data.dicom.series import SourceImage
from mmdx.errors import UsageError
from mmdx.registry import READERS
from mmdx.schema import Component


def images(folder: Path, **series: int) -> list[SourceImage]:
    """One series of so many slices for each description; `_` stands for a blank, and Modality is CT."""
    found = []
    for number, (description, count) in enumerate(series.items(), start=1):
        for index in range(count):
            path = folder / f"{number}_{index}.dcm"
            cohorts.write_ct(path, np.zeros((4, 4)), instance=index + 1, study="1.2.3", series=f"1.2.3.{number}")
            file = pydicom.dcmread(path)
            file.SeriesNumber, file.SeriesDescription = number, description.replace("_", " ")
            file.save_as(path)
            found.append(SourceImage.of(path, read_header(path)))
    return found


def rules(**given: object) -> dict[str, SeriesRule]:
    return READERS.options(Component(type="dicom", modalities=given), "reader")["modalities"]


def counts(chosen: dict) -> dict[str, int]:
    return {name: len(files.images) for name, files in chosen.items()}


def test_each_modality_has_the_series_that_its_rule_takes(tmp_path: Path) -> None:
    found = images(tmp_path, AX_T1=3, AX_FLAIR=4, LOC=2)
    chosen, problems = choose_each(found, rules(t1="t1", flair={"description": "Flair", "modality": "ct"}))
    assert counts(chosen) == {"t1": 3, "flair": 4}
    assert problems == ["kept out 2 image(s) of series 3 'LOC': taken by no rule of t1, flair"]


def test_of_several_series_of_a_rule_one_is_chosen_as_ever(tmp_path: Path) -> None:
    chosen, problems = choose_each(images(tmp_path, T1=3, T1_again=5), rules(t1="t1"))
    assert counts(chosen) == {"t1": 5}
    assert problems[0].startswith("t1: kept out 3 image(s) of series 1 'T1': fewer or equally many images")


def test_a_series_that_two_rules_take_is_kept_out_and_named(tmp_path: Path) -> None:
    found = images(tmp_path, T1=3, T1_gd=4)
    chosen, problems = choose_each(found, rules(t1="t1", gd="gd"))
    assert counts(chosen) == {"t1": 3}
    assert "series 2 'T1 gd': taken by the rules of t1 and gd alike; say in one of them" in problems[0]
    assert "gd: no series that it takes" in problems
    assert counts(choose_each(found, rules(t1={"description": "t1", "without": "gd"}, gd="gd"))[0]) == {
        "t1": 3,
        "gd": 4,
    }


def test_modality_alone_is_a_rule(tmp_path: Path) -> None:
    chosen, problems = choose_each(images(tmp_path, a=2), rules(ct={"modality": "CT"}, pet={"modality": "PT"}))
    assert counts(chosen) == {"ct": 2}
    assert problems == ["pet: no series that it takes"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"t1": {}}, "reader.modalities.t1: says nothing; give description, modality or both"),
        ({"t1": {"descripton": "x"}}, "reader.modalities.t1.descripton: unknown key; did you mean 'description'?"),
        ({}, "reader.modalities: dictionary should have at least 1 item"),
    ],
)
def test_bad_rules_are_refused_by_their_key(given: dict, line: str) -> None:
    with pytest.raises(UsageError) as refused:
        rules(**given)
    assert str(refused.value).startswith(line)
