"""The panel against scikit-learn and each metric's own function, under the same resamples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.comparison import panel as panel_module
from mmdx.stats.comparison.panel import ITERATED_BELOW, JACKKNIFE_PARTS, Panel
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.folds import measure
from mmdx.stats.metrics.registry import METRICS, answers
from mmdx.stats.resampling.intervals import bca_interval, draw_patients, interval, rare_strata

PLACE = {name: m for m, name in enumerate(METRICS)}
SCIKIT_LEARN = {
    "auroc": sk.roc_auc_score,
    "ap": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
}
SCIKIT_LEARN_ANSWERS = {
    "sensitivity": sk.recall_score,
    "specificity": lambda labels, said, sample_weight: sk.recall_score(
        labels, said, sample_weight=sample_weight, pos_label=0
    ),
    "precision": sk.precision_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1": sk.f1_score,
    "mcc": sk.matthews_corrcoef,
    "kappa": sk.cohen_kappa_score,
}
Cell = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def cohort(rows: int = 150, patients: int = 60, *, digits: int = 2) -> tuple[np.ndarray, list[Scored], np.ndarray]:
    """Three findings of two trainings, with ties, unknown labels and a threshold a finding."""
    rng = np.random.default_rng(0)
    labels = (rng.random((rows, 3)) < [0.4, 0.25, 0.5]).astype(float)
    labels[rng.random((rows, 3)) < 0.15] = np.nan
    told = np.nan_to_num(labels)
    trainings = []
    for breadth in (1.0, 3.0):
        scores = np.round(1 / (1 + np.exp(1 - 1.5 * told - breadth * rng.normal(size=told.shape))), digits)
        scores[np.isnan(labels)] = np.nan
        trainings.append(Scored(scores, np.tile([0.4, 0.5, 0.6], (rows, 1)), np.ones((rows, 3))))
    return labels, trainings, np.unique(rng.integers(0, patients, rows), return_inverse=True)[1]


def cells(labels: np.ndarray, scored: Scored, finding: int) -> Cell:
    """Known labels of a finding, or of all after the last one, with their scores, answers and rows."""
    columns = [finding] if finding < labels.shape[1] else range(labels.shape[1])
    said = answers(scored.scores, scored.thresholds)
    known = [np.flatnonzero(~np.isnan(labels[:, f])) for f in columns]
    each = [
        (labels[rows, f], scored.scores[rows, f], said[rows, f], rows) for f, rows in zip(columns, known, strict=True)
    ]
    return tuple(np.concatenate(part) for part in zip(*each, strict=True))  # type: ignore[return-value]


def weights_of(patients: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    return np.concatenate([weights for _, weights in draw_patients(patients, resamples=resamples, seed=seed)])


@pytest.mark.parametrize("digits", [1, 8])
def test_equals_scikit_learn_of_every_finding_and_of_all_pooled(digits):
    labels, trainings, patients = cohort(digits=digits)
    found = Panel(labels, trainings, patients).resampled(Resampler(patients, None, 6, 5))
    weights = weights_of(patients, 6, 5)
    for t, scored in enumerate(trainings):
        for g in range(4):
            truth, scores, said, rows = cells(labels, scored, g)
            for name, reference in (SCIKIT_LEARN | SCIKIT_LEARN_ANSWERS).items():
                given = said if name in SCIKIT_LEARN_ANSWERS else scores
                expected = [reference(truth, given, sample_weight=row[rows]) for row in weights]
                np.testing.assert_allclose(found[t, PLACE[name], g], expected, rtol=1e-12, atol=1e-14, err_msg=name)


def test_every_value_is_that_of_the_metrics_own_function():
    labels, trainings, patients = cohort()
    made = Panel(labels, trainings, patients)
    points, found, weights = (
        made.points(),
        made.resampled(Resampler(patients, None, 300, 2)),
        weights_of(patients, 300, 2),
    )
    assert (points.shape, found.shape) == ((2, len(METRICS), 4), (2, len(METRICS), 4, 300))
    for t, scored in enumerate(trainings):
        for g in range(4):
            truth, scores, said, rows = cells(labels, scored, g)
            for name, metric in METRICS.items():
                given, once = said if metric.family == "threshold" else scores, np.ones((1, len(rows)), dtype=int)
                np.testing.assert_allclose(points[t, PLACE[name], g], metric.function(truth, given, once)[0], rtol=1e-7)
                expected = metric.function(truth, given, weights[:, rows])
                np.testing.assert_allclose(found[t, PLACE[name], g], expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_one_step_to_a_calibration_curve_is_near_its_end():
    """The bounds of slope and intercept, from 1,500 rows, within 1 % of the interval's width."""
    labels, trainings, patients = cohort(ITERATED_BELOW * 3 // 2, 700)
    found = Panel(labels, trainings, patients).resampled(Resampler(patients, None, 400, 0))
    weights = weights_of(patients, 400, 0)
    truth, scores, _, rows = cells(labels, trainings[0], 0)
    assert len(rows) > ITERATED_BELOW
    for name in ("calibration_slope", "calibration_intercept"):
        whole = np.quantile(METRICS[name].function(truth, scores, weights[:, rows]), [0.025, 0.975])
        step = np.quantile(found[0, PLACE[name], 0], [0.025, 0.975])
        assert (np.abs(step - whole) < 0.01 * np.diff(whole)).all()
        assert (step != whole).any()


def test_one_finding_is_its_own_micro_average():
    labels, trainings, patients = cohort()
    one = Panel(
        labels[:, :1],
        [Scored(s.scores[:, :1], s.thresholds[:, :1], s.temperatures[:, :1]) for s in trainings],
        patients,
    )
    np.testing.assert_array_equal(one.points()[:, :, 0], one.points()[:, :, 1])
    found = one.resampled(Resampler(patients, None, 20, 0))
    np.testing.assert_array_equal(found[:, :, 0], found[:, :, 1])


def test_without_a_threshold_there_are_no_answers_to_count():
    labels, (scored, _), patients = cohort()
    thresholds = scored.thresholds.copy()
    thresholds[:, 1] = np.nan
    points = Panel(labels, [Scored(scored.scores, thresholds, scored.temperatures)], patients).points()[0]
    kinds = np.array([metric.family == "threshold" for metric in METRICS.values()])
    np.testing.assert_array_equal(np.isnan(points[kinds]), np.tile([False, True, False, True], (kinds.sum(), 1)))
    assert not np.isnan(points[~kinds]).any()


def test_neither_threads_nor_parts_change_a_value(monkeypatch):
    labels, trainings, patients = cohort()
    whole = Panel(labels, trainings, patients).resampled(Resampler(patients, None, 50, 3))
    monkeypatch.setattr(panel_module, "THREADS", 1)
    np.testing.assert_array_equal(Panel(labels, trainings, patients).resampled(Resampler(patients, None, 50, 3)), whole)
    monkeypatch.setattr(panel_module, "CELLS_AT_ONCE", 7 * labels.size)
    np.testing.assert_allclose(
        Panel(labels, trainings, patients).resampled(Resampler(patients, None, 50, 3)), whole, rtol=1e-9
    )
    assert (Panel(labels, trainings, patients).resampled(Resampler(patients, None, 50, 4)) != whole).any()


def test_many_rows_a_patient_weigh_more_than_small_integers_hold():
    """Two patients of 200 rows of 200 findings, 80,000 cells: the pooled counts pass 65,535."""
    rng = np.random.default_rng(0)
    labels, scores = (rng.random((400, 200)) < 0.5).astype(float), rng.random((400, 200))
    patients = np.repeat([0, 1], 200)
    found = Panel(labels, [Scored(scores, scores, scores)], patients).resampled(Resampler(patients, None, 5, 0))
    weights = weights_of(patients, 5, 0)
    expected = [sk.roc_auc_score(labels.ravel(), scores.ravel(), sample_weight=np.repeat(row, 200)) for row in weights]
    assert found[0, PLACE["auroc"], -1] == pytest.approx(expected, rel=1e-12)


def test_the_jackknife_leaves_out_one_patient_at_a_time():
    labels, trainings, patients = cohort()
    found = Panel(labels, trainings, patients).jackknife()
    assert found.shape == (2, len(METRICS), 4, patients.max() + 1)
    truth, scores, _, rows = cells(labels, trainings[1], 1)
    kept = patients[rows] != 7
    assert found[1, PLACE["auroc"], 1, 7] == pytest.approx(sk.roc_auc_score(truth[kept], scores[kept]))


def test_of_more_patients_the_jackknife_leaves_out_parts():
    rng = np.random.default_rng(0)
    labels, scores = (
        (rng.random((JACKKNIFE_PARTS * 2 + 1, 1)) < 0.5).astype(float),
        rng.random((JACKKNIFE_PARTS * 2 + 1, 1)),
    )
    found = Panel(labels, [Scored(scores, scores, scores)], np.arange(len(labels))).jackknife()
    left = np.arange(len(labels)) % JACKKNIFE_PARTS != 0
    assert found.shape[-1] == JACKKNIFE_PARTS
    assert found[0, PLACE["brier"], 0, 0] == pytest.approx(np.mean((scores - labels)[left] ** 2))


def test_strata_keep_the_number_of_a_rare_class():
    rng = np.random.default_rng(0)
    labels, scores, patients = np.zeros((300, 1)), rng.random((300, 1)), np.arange(300)
    labels[:4] = 1
    made = Panel(labels, [Scored(scores, np.full((300, 1), 0.5), np.ones((300, 1)))], patients)
    free = made.resampled(Resampler(patients, None, 400, 0))[0, PLACE["auroc"], 0]
    held = made.resampled(Resampler(patients, rare_strata(labels, patients), 400, 0))[0, PLACE["auroc"], 0]
    assert np.isnan(free).any()
    assert not np.isnan(held).any()


WILD = {
    "constant": (np.tile([0.0, 1.0], 20), np.full(40, 0.3)),
    "two values": (np.tile([0.0, 1.0], 20), np.repeat([0.0, 1.0], 20)),
    "five patients": (np.array([0.0, 1, 0, 1, 1]), np.array([0.2, 0.9, 0.4, 0.3, 0.8])),
    "separated": (np.repeat([0.0, 1.0], 20), np.linspace(0.01, 0.99, 40)),
    "one positive": (np.eye(1, 40)[0], np.linspace(1, 0, 40)),
    "one class": (np.zeros(40), np.linspace(0, 1, 40)),
    "nothing known": (np.full(40, np.nan), np.linspace(0, 1, 40)),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", WILD)
@pytest.mark.parametrize("copies", [1, 30])
def test_wild_cases_give_an_interval_within_bounds_or_say_why_not(kind, copies):
    labels, scores = (np.tile(each, copies)[:, None] for each in WILD[kind])
    patients = np.arange(len(labels)) % len(WILD[kind][0])
    made = Panel(labels, [Scored(scores, np.full_like(scores, 0.5), np.ones_like(scores))], patients)
    points, found, left = (
        each[0, :, 0] for each in (made.points(), made.resampled(Resampler(patients, None, 200, 0)), made.jackknife())
    )
    for m, metric in enumerate(METRICS.values()):
        for estimate in (interval(points[m], found[m]), bca_interval(points[m], found[m], left[m])):
            assert (estimate.refused is None) == (estimate.low is not None) == (estimate.high is not None)
            if estimate.low is not None and estimate.high is not None:
                assert estimate.low <= estimate.high
                bounded = metric.direction in ("higher", "lower") and metric.name not in ("log_loss", "mcc", "kappa")
                assert not bounded or 0 <= estimate.low <= estimate.high <= 1
    assert np.isnan(points[PLACE["auroc"]]) == (kind in ("one class", "nothing known"))
    assert np.isnan(points[PLACE["calibration_slope"]]) == (kind not in ("two values", "five patients"))


def test_within_folds_every_value_is_that_of_the_measure():
    labels, trainings, patients = cohort()
    folds = patients % 3
    found = Panel(labels, [replace(trainings[0], folds=folds)], patients).resampled(Resampler(patients, None, 5, 1))
    weights = weights_of(patients, 5, 1)
    for g in range(4):
        truth, scores, _, rows = cells(labels, trainings[0], g)
        for name in ("auroc", "ap", "sensitivity_at_specificity", "specificity_at_sensitivity", "log_loss", "ece"):
            expected = measure(METRICS[name], truth, scores, weights[:, rows], folds[rows])
            np.testing.assert_allclose(found[0, PLACE[name], g], expected, rtol=1e-12, err_msg=name)
