"""Explanations against chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arms_by_hand import cohort_of
from asking import ask

from mmdx.stats.sections.explanations.section import explanations_section

LABELS = np.tile([1.0, 0.0], 20)[:, None]
RNG = np.random.default_rng(0)


def asked(folder: Path, *, deleted: float, hit: float, patients: int = 20):
    rows = ["study_id,patient_id,finding,method,measure,value,chance"]
    for number in range(0, 2 * patients, 2):
        value = np.clip(RNG.normal(deleted, 0.05), 0, 1)
        rows.append(f"s{number},s{number},bleed,Grad-CAM,deletion,{value},0.5")
        rows.append(f"s{number},s{number},bleed,Grad-CAM,hit,{float(RNG.random() < hit)},0.1")
        rows.append(f"s{number},s{number},mass,Grad-CAM,hit,1,0.1")
    (folder / "test_explanations.csv").write_text("\n".join(rows))
    cohort = cohort_of(LABELS, {"image": LABELS * 0.5})
    source = str(folder / "test.csv")
    return ask(explanations_section, replace(cohort, arms=(replace(cohort.arms[0], source=source),)), resamples=200)


def test_what_beats_chance_and_what_does_not(tmp_path: Path):
    section = asked(tmp_path, deleted=0.3, hit=0.1)
    deletion, hit = section.record
    assert deletion["gain"]["value"] == pytest.approx(0.2, abs=0.05)
    assert deletion["gain"]["low"] > 0.1
    assert not hit["gain"]["shown"]
    assert (deletion["studies"], hit["patients"]) == (20, 20)
    assert section.sentences[0].startswith("Grad-CAM, probability as its pixels are blurred: 0.")
    assert "it does better than chance by 0." in section.sentences[0]
    assert "was not shown" in section.sentences[1]
    assert len(section.plots[0].numbers) == 2


def test_what_is_worse_than_chance_is_said_to_be(tmp_path: Path):
    section = asked(tmp_path, deleted=0.8, hit=0.1)
    assert "it does worse than chance by -0." in section.sentences[0]


def test_few_patients_have_no_interval_and_no_file_has_no_section(tmp_path: Path):
    section = asked(tmp_path, deleted=0.3, hit=0.5, patients=3)
    assert section.record[0]["value"]["low"] is None
    cohort = cohort_of(LABELS, {"image": LABELS * 0.5})
    assert ask(explanations_section, cohort, resamples=100) is None
