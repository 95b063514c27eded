"""The corrected resampled t-test, against a published example and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy
from scipy.stats import t
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.sections.folds.corrected import corrected_difference, corrected_t


def test_as_in_the_example_of_scikit_learn():
    """ "Statistical comparison of models using grid search", 10 times 10 folds: t 0.750, one-sided p 0.227."""
    features, classes = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    scores = [
        cross_val_score(SVC(kernel=kernel, random_state=0), features, classes, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    ]
    test = corrected_t(scores[0] - scores[1], ratio=10 / 90, deals=10)
    assert test is not None
    assert round(test.p / 2, 3) == 0.227
    assert round(float(t.isf(test.p / 2, 99)), 3) == 0.750
    reach = t.ppf(0.975, 99) * test.value / 0.75
    assert (test.low, test.high) == pytest.approx((test.value - reach, test.value + reach), abs=1e-4)


def crossed(deals: list[np.ndarray]) -> Cohort:
    labels = halves(40, findings=1)
    arms = {
        "image+report": [noisy(labels, 1.0, seed=number) for number in range(len(deals))],
        "image": [noisy(labels, 2.5, seed=10 + number) for number in range(len(deals))],
    }
    cohort = cohort_of(labels, arms)
    trainings = [
        tuple(replace(scored, folds=folds) for scored, folds in zip(of_arm, deals, strict=True))
        for of_arm in cohort.scored
    ]
    return replace(cohort, scored=tuple(trainings))


def by_hand(cohort: Cohort, trainings: list[int]) -> list[float]:
    """The difference of the AUROCs of each fold, pair by pair."""
    found = []
    for training in trainings:
        folds = cohort.scored[0][training].folds
        for fold in np.unique(folds):
            areas = []
            for arm in (0, 1):
                scores, labels = (x[folds == fold, 0] for x in (cohort.scored[arm][training].scores, cohort.labels))
                pairs = scores[labels == 1][:, None] - scores[labels == 0]
                areas.append(float(((pairs > 0) + 0.5 * (pairs == 0)).mean()))
            found.append(areas[0] - areas[1])
    return found


def test_folds_of_all_deals_count_and_the_formula_holds(tmp_path):
    first, second = np.arange(40) // 10, np.arange(40) // 2 % 4
    cohort = crossed([first, second])
    test = corrected_difference(cohort, 1, [0], tmp_path)
    differences = np.array(by_hand(cohort, [0, 1]))
    assert test is not None
    assert (test.folds, test.deals, test.ratio) == (8, 2, pytest.approx(1 / 3))
    statistic = differences.mean() / np.sqrt((1 / 8 + 1 / 3) * differences.var(ddof=1))
    assert test.value == pytest.approx(differences.mean())
    assert test.p == pytest.approx(2 * t.sf(abs(statistic), 7))


def test_trainings_by_the_same_folds_are_one_deal(tmp_path):
    folds = np.arange(40) // 10
    cohort = crossed([folds, (folds + 1) % 4])
    test = corrected_difference(cohort, 1, [0], tmp_path)
    assert test is not None
    assert (test.folds, test.deals) == (4, 1)


def test_training_patients_are_those_of_the_folds(tmp_path):
    folds = np.arange(40) // 20
    for number in (0, 1):
        place = tmp_path / f"fold-{number}"
        place.mkdir()
        words = ["test"] * 20 + ["val"] * 4 + ["train"] * 16
        rows = [f"s{row},p{row},{word}" for row, word in enumerate(words)]
        (place / "splits.csv").write_text("\n".join(["study_id,patient_id,split", *rows]) + "\n")
    (tmp_path / "fold-1" / "final.json").write_text("{}")
    test = corrected_difference(crossed([folds, np.arange(40) % 4 // 2]), 1, [0], tmp_path)
    assert test is not None
    assert test.ratio == pytest.approx((20 / 16 + 20 / 20) / 2), "a refitted fold has learned from validation too"


def test_what_cannot_be_tested(tmp_path):
    assert corrected_t(np.array([0.1, np.nan]), ratio=0.25) is None
    assert corrected_t(np.array([0.1, 0.1, 0.1]), ratio=0.25) is None
    cohort = crossed([np.arange(40) // 10])
    other = replace(cohort.scored[1][0], folds=np.arange(40) // 2 % 4)
    assert corrected_difference(replace(cohort, scored=(cohort.scored[0], (other,))), 1, [0], tmp_path) is None
