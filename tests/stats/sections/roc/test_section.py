from dataclasses import replace

import numpy as np
import pytest
from asking import ask
from scored import cohort_of, scores_for

from mmdx.stats.metrics.registry import auroc
from mmdx.stats.sections.roc.section import MEAN, roc_section

LABELS = np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0], axis=1).astype(float)


def test_each_finding_has_the_curves_of_each_model():
    scores = scores_for(LABELS, [1.0, 3.0])
    section = ask(roc_section, cohort_of(LABELS, scores, names=("both", "ct")), resamples=100, seed=0)
    assert section is not None
    roc, pr = section.plots
    assert (roc.name, pr.name) == ("roc", "precision_recall")
    assert set(roc.numbers["finding"]) == {"f0", "f1"}
    assert roc.numbers["model"].unique().tolist() == ["both", "ct"]
    assert len(roc.numbers) == 2 * 2 * 101
    one = roc.numbers.query("finding == 'f0' and model == 'ct'")
    area = np.trapezoid(one["sensitivity"], one["1 − specificity"])
    expected = auroc(LABELS[:, 0], scores[1][:, 0], np.ones((1, 60), dtype=np.int32))[0]
    assert area == pytest.approx(expected, abs=0.02)
    assert (one["low"] <= one["high"]).all()
    assert "100 resamples" in section.notes[0]


def test_many_findings_have_their_mean():
    labels = np.tile(LABELS, (1, 4))
    section = ask(roc_section, cohort_of(labels, scores_for(labels, [1.0])), resamples=100, seed=0)
    assert section is not None
    assert set(section.plots[0].numbers["finding"]) == {MEAN}
    assert any("means over 8 findings" in note for note in section.notes)


def test_baselines_unknown_labels_and_findings_of_one_class_stay_out():
    labels = LABELS.copy()
    labels[:30, 0], labels[:, 1] = np.nan, 1
    scores = scores_for(LABELS, [1.0, 1.0])
    scores[0][:30, 0] = np.nan
    section = ask(roc_section, cohort_of(labels, scores, kinds=("model", "baseline")), resamples=100, seed=0)
    assert section is not None
    assert set(section.plots[0].numbers["finding"]) == {"f0"}
    assert set(section.plots[0].numbers["model"]) == {"arm0"}


def test_no_band_stands_on_fewer_than_five_patients():
    labels = np.array([[1.0], [1], [0], [0], [0]])
    section = ask(roc_section, cohort_of(labels, scores_for(labels, [1.0])), resamples=100, seed=0)
    assert section is not None
    assert section.plots[0].numbers[["low", "high"]].isna().all().all()


def test_one_class_has_no_curve():
    labels = np.ones((9, 1))
    assert ask(roc_section, cohort_of(labels, scores_for(labels, [1.0])), resamples=100, seed=0) is None


def test_of_many_findings_the_primary_one_is_drawn():
    labels = np.tile(LABELS, (1, 4))
    cohort = cohort_of(labels, scores_for(labels, [1.0]), names=("ct",))
    section = ask(roc_section, replace(cohort, primary_finding="f3"), resamples=50, seed=0)
    assert section is not None
    assert set(section.plots[0].numbers["finding"]) == {"f3"}
    assert "Drawn are those of the primary finding, f3." in section.notes
