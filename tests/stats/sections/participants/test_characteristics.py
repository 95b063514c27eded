"""Table 1, by split, by finding and by cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from asking import ask
from run_by_hand import write_run
from scored import cohort_of

from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.enrolled import Enrolled
from mmdx.stats.sections.participants.characteristics import characteristics_section, section_of


def enrolled_by_hand(count: int = 60, **changes: object) -> Enrolled:
    """Studies of one patient each, 20 a split; those of the test split are ten years older."""
    rng = np.random.default_rng(0)
    parts = [("train", "val", "test")[i % 3] for i in range(count)]
    ages = rng.normal(60, 5, count) + 10 * (np.array(parts) == "test")
    sites = pd.Series([f"site {i // 3 % 12}" for i in range(count)], dtype=object)
    facts = pd.DataFrame({"age": ages, "site": sites, "sex": ["F" if i % 4 else None for i in range(count)]})
    facts["number of images"] = 1.0 + np.arange(count) % 2
    facts["order source of image"] = "position"
    facts["having a report"] = ["yes" if i % 10 else "no" for i in range(count)]
    labels = pd.DataFrame({"bleed": (np.arange(count) % 2).astype(float), "other": np.nan})
    labels.loc[:5, "other"] = 1.0
    made = Enrolled(
        "run", Path("run"), "test", np.arange(count), tuple(parts), False, labels, facts, np.ones(count, bool)
    )
    return replace(made, **changes)  # pyright: ignore


def test_it_has_each_trait_image_modality_and_finding():
    section = section_of(enrolled_by_hand(), "bleed", resamples=400, seed=0)
    by_split, by_finding = section.sheets
    assert by_split.header == ("", "all", "train", "val", "test", "SMD, val − train", "SMD, test − train")
    rows = {row[0]: row[1:] for row in by_split.rows}
    assert rows["patients"] == rows["studies"] == ("60", "20", "20", "20", "", "")
    assert rows["number of images"][0] == "1.5 [1, 2]"  # a number, however few it may be
    assert rows["order source of image, position"] == ("60 (100.0 %)", *["20 (100.0 %)"] * 3, "0", "0")
    assert rows["with report"][0] == "54 (90.0 %)"
    assert rows["sex, F"][0] == "45 (100.0 %)"
    assert rows["… missing"][0] == "15 (25.0 %)"
    assert rows["bleed, positive"][:2] == ("30 (50.0 %)", "10 (50.0 %)")
    assert rows["other, positive"][0] == "6 (100.0 %)"
    assert rows["… unknown"][0] == "54 (90.0 %)"
    assert rows["… 4 others"][0] == "12 (20.0 %)"  # of twelve sites, eight have a row
    findings = [name for name in rows if name.endswith("positive")]
    assert findings == ["bleed, positive", "other, positive"]  # the primary one leads
    assert by_finding.header == ("", "bleed absent", "bleed present", "SMD, bleed present − bleed absent")
    assert "bleed, positive" not in [row[0] for row in by_finding.rows]


def test_a_difference_between_splits_is_said_and_none_is_not_proved():
    section = section_of(enrolled_by_hand(), None, resamples=400, seed=0)
    val, test = section.sentences
    assert val.endswith("No difference beyond chance was shown, which does not prove the groups alike.")
    assert test.startswith("test and train differ most in age: SMD ")
    assert "Intervals leave out 0 for age (" in test
    assert len(section.sheets) == 1  # of two findings none leads
    assert any(note.startswith("No p-values") for note in section.notes)
    (smd,) = (
        one for one in section.record[0]["differences"] if (one["group"], one["characteristic"]) == ("test", "age")
    )
    assert smd["smd"]["low"] > 0


def test_unused_studies_have_a_column_and_no_difference():
    parts = tuple("unused" if i % 3 == 1 else "train" if i % 3 else "test" for i in range(60))
    section = section_of(enrolled_by_hand(parts=parts), "bleed", resamples=200, seed=0)
    assert section.sheets[0].header == ("", "all", "train", "test", "unused", "SMD, test − train")
    assert section.sheets[1].rows[1][1:3] == ("20", "20")  # studies that were used, by finding


def test_folds_are_described_whole():
    section = section_of(enrolled_by_hand(folds=True, parts=tuple("012" * 20)), "bleed", resamples=200, seed=0)
    assert section.sheets[0].header == ("", "all")
    assert section.sheets[1].header[0:3] == ("", "bleed absent", "bleed present")


def test_a_second_cohort_stands_beside_the_studies_that_taught_the_run():
    taught = enrolled_by_hand(refitted=True)
    older = enrolled_by_hand(parts=("test",) * 60, second={}, taught=taught)
    older = replace(older, facts=older.facts.assign(age=older.facts["age"] + 20))
    section = section_of(older, None, resamples=200, seed=0)
    (sheet,) = section.sheets
    assert sheet.header == ("", "taught the run", "second cohort", "SMD, second cohort − taught the run")
    assert sheet.rows[1][1:3] == ("40", "60")  # validation studies taught it, too
    assert section.sentences[0].startswith("second cohort and taught the run differ most in age: SMD ")
    alone = section_of(replace(older, taught=None), None, resamples=200, seed=0)
    assert alone.sheets[0].header == ("", "second cohort")
    assert any("does not lie where it lay" in note for note in alone.notes)


def test_it_is_made_of_the_files_of_a_run(tmp_path: Path):
    section = ask(characteristics_section, read_cohort([write_run(tmp_path)]), resamples=200)
    assert section is not None
    assert [sheet.title for sheet in section.sheets] == ["Table 1: by split", "Table 1: by bleed"]
    # Two studies a split are too few for an interval.
    age = next(row for row in section.sheets[0].rows if row[0] == "age")
    assert age[1:] == (
        "53.5 [51.8, 55.2]",
        "50.5 [50.2, 50.8]",
        "52.5 [52.2, 52.8]",
        "55.5 [54.8, 56.2]",
        "2.828 [–]",
        "4.804 [–]",
    )
    assert ask(characteristics_section, cohort_of(np.array([[0.0], [1.0]]), [np.zeros((2, 1))]), resamples=200) is None


@pytest.mark.parametrize("gone", ["labels"])
def test_a_run_of_before_says_what_it_lacks(gone: str):
    before = enrolled_by_hand(**{gone: pd.DataFrame(index=range(60))})
    section = section_of(before, "bleed", resamples=200, seed=0)
    assert any("no labels.csv" in note for note in section.notes)
    assert len(section.sheets) == 1
