"""A model beside three readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arms_by_hand import cohort_of
from asking import ask
from sklearn.metrics import cohen_kappa_score

from mmdx.stats.sections.readers.section import readers_section

RNG = np.random.default_rng(0)
TRUTH = (RNG.random(200) < 0.4).astype(float)
READERS = {name: np.where(RNG.random(200) < 0.9, TRUTH, 1 - TRUTH) for name in ("R1", "R2", "R3")}


def asked(folder: Path, scores: np.ndarray, *, threshold: float = 0.5):
    lines = [f"s{i},s{i},{name},bleed,{int(v)}\n" for name, said in READERS.items() for i, v in enumerate(said)]
    (folder / "readings.csv").write_text("study_id,patient_id,reader,finding,label\n" + "".join(lines))
    cohort = cohort_of(TRUTH[:, None], {"image": scores[:, None]}, threshold=threshold)
    source = str(folder / "predictions" / "test.csv")
    return ask(readers_section, replace(cohort, arms=(replace(cohort.arms[0], source=source),)), resamples=200)


def test_a_model_that_is_right_agrees_more_than_readers_do(tmp_path: Path):
    (record,) = asked(tmp_path, 0.2 + 0.6 * TRUTH).record
    expected = cohen_kappa_score(READERS["R1"], READERS["R2"])
    assert record["readers"]["R1, R2"]["value"] == pytest.approx(expected)
    assert record["difference"]["low"] > 0
    assert record["among"]["value"] == pytest.approx(np.mean([one["value"] for one in record["readers"].values()]))


def test_a_model_that_guesses_agrees_less(tmp_path: Path):
    section = asked(tmp_path, RNG.random(200))
    assert section.sentences[0].startswith("On bleed R1, R2 and R3 agree with each other with a kappa of 0.")
    assert section.sentences[0].endswith("; it agrees less than they do.")
    assert len(section.sheets[0].rows) == 3 + 3 + 2


def test_without_readers_or_thresholds_there_is_none(tmp_path: Path):
    assert asked(tmp_path, TRUTH, threshold=np.nan) is None
    cohort = cohort_of(TRUTH[:, None], {"image": TRUTH[:, None]}, threshold=0.5)
    assert ask(readers_section, cohort, resamples=100) is None
