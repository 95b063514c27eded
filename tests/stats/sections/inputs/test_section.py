"""The section that `mmdx compare` makes of a file of swaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arms_by_hand import cohort_of
from asking import ask
from scipy.special import expit
from swaps_by_hand import swaps_of

from mmdx.errors import DataError
from mmdx.stats.sections.inputs.section import inputs_section, swaps_path

LABELS = np.tile([1.0, 0.0], 40)[:, None]
RNG = np.random.default_rng(0)
IMAGE, REPORT = RNG.normal(size=80), 3 * (2 * LABELS[:, 0] - 1) + RNG.normal(size=80)


def asked(folder: Path, answer=np.add, *, image=IMAGE, told=None, **changes):
    """The section where a file of swaps lies beside the predictions of the fused arm."""
    swaps = replace(swaps_of(image, REPORT, answer), **changes)
    source = folder / "test.csv"
    swaps.save(swaps_path(source))
    own = expit(swaps.shown["image+report"]) if told is None else told
    arms = {"image+report": own, "image": expit(swaps.shown["image"])}
    cohort = cohort_of(LABELS, arms, runs=dict.fromkeys(arms, "run"), threshold=0.5)
    cohort = replace(cohort, arms=tuple(replace(arm, source=str(source)) for arm in cohort.arms))
    return ask(inputs_section, cohort, resamples=200)


def test_a_model_that_answers_from_one_input_is_said_to(tmp_path: Path):
    section = asked(tmp_path, lambda image, report: report + 0 * image)
    assert section.sentences[0].startswith(
        "The model answers from the report alone: another patient's image costs 0.000 (95 % interval 0.000 to 0.000) "
        "in AUROC for bleed, less than 0.02, and another patient's report costs 0.5"
    )
    assert section.sentences[1].startswith("That it does more than add up what each input says by itself was not shown")
    assert section.sentences[2].startswith("With the report: negations flipped it loses ")
    (record,) = section.record
    assert record["verdicts"] == {"image": "unused", "report": "used"}
    assert record["texts"]["report: negations flipped"]["changed"] == 80
    assert [len(row) for sheet in section.sheets for row in sheet.rows] == [
        len(sheet.header) for sheet in section.sheets for _ in sheet.rows
    ]
    assert len(section.plots[0].numbers) == 1 + 6 + 1


def test_a_model_that_uses_both_is_said_to(tmp_path: Path):
    section = asked(tmp_path, image=IMAGE + 2 * LABELS[:, 0], answer=lambda image, report: report + 3 * image)
    assert section.record[0]["verdicts"] == {"image": "used", "report": "used"}
    assert section.sentences[0].startswith("The model uses the image and the report: another patient's image costs")


def test_without_the_file_there_is_no_section(tmp_path: Path):
    cohort = cohort_of(LABELS, {"image+report": LABELS * 0.5})
    assert ask(inputs_section, cohort, resamples=100) is None
    assert ask(inputs_section, replace(cohort, unit="slice"), resamples=100) is None


def test_a_file_of_other_studies_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"test_swaps\.safetensors: is of studies x0.*run mmdx inputs again"):
        asked(tmp_path, studies=("x0", *(f"s{i}" for i in range(1, 80))))
    with pytest.raises(DataError, match="is of other findings"):
        asked(tmp_path, findings=("mass",))


def test_a_part_of_the_studies_is_named(tmp_path: Path):
    section = asked(tmp_path, of=200)
    assert not any("exchanged among" in note for note in section.notes)


def test_a_file_of_another_model_is_refused(tmp_path: Path):
    other = swaps_of(IMAGE, REPORT, np.subtract).shown
    with pytest.raises(DataError, match="is of another model than the predictions beside it"):
        asked(tmp_path, told=expit(other["image+report"]))
