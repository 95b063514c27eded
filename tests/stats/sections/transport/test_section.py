"""A second cohort against the first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from arms_by_hand import cohort_of
from asking import ask
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from mmdx.stats.sections.transport.section import transport_section


def drawn(seed: int, *, size: int, share: float, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that are right where three in ten have the finding and the classes lie 2 apart."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(size) < share).astype(float)
    told = chance.normal(apart * labels, 1.0)
    return labels[:, None], expit(logit(0.3) + 2 * told - 2)[:, None]


def asked(folder: Path, second: tuple[np.ndarray, np.ndarray], *, resamples: int = 200):
    labels, scores = drawn(0, size=500, share=0.3, apart=2.0)
    rows = [
        (f"i{n}", f"i{n}", "image", "bleed", int(label), score)
        for n, (label, score) in enumerate(zip(labels[:, 0], scores[:, 0], strict=True))
    ]
    columns = ["study_id", "patient_id", "shown", "finding", "label", "score"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "internal.csv", index=False)
    cohort = cohort_of(second[0], {"image": second[1]})
    cohort = replace(cohort, arms=tuple(replace(arm, source=str(folder / "test.csv")) for arm in cohort.arms))
    return ask(transport_section, cohort, resamples=resamples), roc_auc_score(labels, scores)


def test_a_worse_cohort_with_more_of_the_finding(tmp_path: Path):
    second = drawn(1, size=500, share=0.6, apart=1.0)
    section, first = asked(tmp_path, second)
    (model,) = section.record["models"]
    assert model["first"]["value"] == pytest.approx(first)
    assert model["change"]["value"] == pytest.approx(roc_auc_score(*second) - first)
    assert model["change"]["high"] < 0
    found = section.record["findings"]["bleed"]
    assert found["prevalence"]["shift"]["low"] > 0.2
    assert found["intercept"]["first"]["low"] < 0 < found["intercept"]["first"]["high"]
    assert found["intercept"]["second"]["low"] > 0
    assert "a change was shown." in section.sentences[0]
    assert section.sentences[1].startswith("bleed is more common here: 0.6")
    assert section.sentences[2].startswith("The scores of image for bleed are too low here")
    assert section.sentences[3].startswith("Shifted by ")
    assert [len(row) for sheet in section.sheets for row in sheet.rows] == [
        len(sheet.header) for sheet in section.sheets for _ in sheet.rows
    ]


def test_the_same_kind_of_cohort_shows_nothing(tmp_path: Path):
    section, _ = asked(tmp_path, drawn(2, size=500, share=0.3, apart=2.0))
    assert "no change was shown" in section.sentences[0]
    assert not any("more common" in line or "too low" in line for line in section.sentences)


def test_without_scores_of_a_first_cohort_there_is_none(tmp_path: Path):
    labels, scores = drawn(0, size=40, share=0.5, apart=1.0)
    cohort = cohort_of(labels, {"image": scores})
    assert ask(transport_section, cohort, resamples=100) is None
