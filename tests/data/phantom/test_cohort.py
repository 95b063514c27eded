import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from mmdx.data.phantom.cohort import Exam, cohort, log_odds
from mmdx.data.phantom.recipe import ANY, FINDINGS, Recipe

ALL = (*FINDINGS, ANY)


@pytest.fixture(scope="module")
def large() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels [n, 6] of a default cohort, and by modalities shown the true log-odds [n, 6]."""
    recipe = Recipe(patients=1500)
    exams = cohort(recipe)
    odds = [log_odds(recipe, exam) for exam in exams]
    shown = {key.partition("/")[0] for key in odds[0]}
    labels = np.array([[exam.labels[k] for k in ALL] for exam in exams])
    return labels, {s: np.array([[o[f"{s}/{k}"] for k in ALL] for o in odds]) for s in shown}


def best_auroc(delta: float, ratio: float) -> float:
    """AUROC of the sum of an image's and two cues' log likelihood ratios; delta 0 is not meant."""
    a = ratio / (1 + ratio)
    chance = np.array([(1 - a) ** 2, 2 * a * (1 - a), a**2])
    step = np.array([-2, 0, 2]) * math.log(ratio)
    difference = delta**2 + step[:, None] - step[None]
    return float((chance[:, None] * chance[::-1] * norm.cdf(difference / (delta * math.sqrt(2)))).sum())


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("image", 0.871),
        ("enhanced", 0.940),
        ("report", 0.802),
        ("image+report", 0.927),
        ("enhanced+report", 0.964),
        ("image+enhanced", norm.cdf(math.hypot(1.6, 2.2) / math.sqrt(2))),
    ],
)
def test_the_true_log_odds_reach_the_best_possible_auroc(large, shown: str, expected: float) -> None:
    labels, odds = large
    reached = [roc_auc_score(labels[:, i], odds[shown][:, i]) for i in range(len(FINDINGS))]
    # One finding has about 215 positives: a standard error near 0.014 each, below 0.007 for the mean of five.
    assert np.mean(reached) == pytest.approx(expected, abs=0.018)


def test_the_documented_values_are_the_analytic_ones() -> None:
    assert best_auroc(1.6, 2.5) == pytest.approx(0.927, abs=5e-4)
    assert best_auroc(2.2, 2.5) == pytest.approx(0.964, abs=5e-4)
    assert best_auroc(1.6, 1.0) == pytest.approx(norm.cdf(1.6 / math.sqrt(2)))


@pytest.mark.parametrize("shown", ["image", "report", "image+report", "image+enhanced+report"])
def test_the_true_log_odds_are_calibrated(large, shown: str) -> None:
    labels, odds = large
    chance = expit(odds[shown])
    for low, high in [(0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)]:
        for columns in (slice(0, 5), slice(5, 6)):
            within = (chance[:, columns] >= low) & (chance[:, columns] < high)
            expected, spread = chance[:, columns][within], (chance * (1 - chance))[:, columns][within]
            error = labels[:, columns][within].sum() - expected.sum()
            assert abs(error) <= 4 * math.sqrt(spread.sum()) + 1, (shown, low)


def test_half_of_the_studies_bleed_and_a_tenth_of_patients_return(large) -> None:
    labels, _ = large
    assert labels[:, 5].mean() == pytest.approx(0.50, abs=0.03)
    assert (labels[:, 5] == labels[:, :5].max(axis=1)).all()
    assert len(labels) / 1500 == pytest.approx(1.1, abs=0.02)


def certain(strength: float) -> Exam:
    """The first exam of a cohort, with one strength for all."""
    exam = cohort(Recipe(patients=1))[0]
    return replace(exam, strengths={name: dict.fromkeys(FINDINGS, strength) for name in exam.strengths})


@pytest.mark.parametrize("strength", [-1e3, -50.0, 0.0, 50.0, 1e3])
def test_any_is_finite_and_at_least_the_likeliest_finding(strength: float) -> None:
    odds = log_odds(Recipe(), certain(strength))
    assert all(math.isfinite(value) for value in odds.values())
    assert odds["image/any"] >= max(odds[f"image/{k}"] for k in FINDINGS)


def test_log_odds_by_hand() -> None:
    odds = log_odds(Recipe(prevalence=0.5), certain(1.6))
    assert odds["image/epidural"] == pytest.approx(1.28)
    assert expit(odds["image/any"]) == pytest.approx(1 - (1 - expit(1.28)) ** 5)
    assert odds["image+report/subdural"] == pytest.approx(odds["image/subdural"] + odds["report/subdural"])
    assert abs(odds["report/subdural"]) in (pytest.approx(0.0), pytest.approx(2 * math.log(2.5)))


def test_a_small_cohort_is_the_start_of_a_large_one() -> None:
    small, large = cohort(Recipe(patients=10)), cohort(Recipe(patients=15))
    assert large[: len(small)] == small
    assert cohort(Recipe(patients=10, seed=1)) != small


def test_the_head_of_another_seed_or_study_is_another() -> None:
    exams = cohort(Recipe(patients=60))
    assert len({exam.strengths["image"]["epidural"] for exam in exams}) == len(exams)


def test_switches_leave_the_other_draws_alone() -> None:
    plain = cohort(Recipe(patients=30))
    planted = cohort(Recipe(patients=30, leak=True, shortcut=True, missing_report=0.5))
    for before, after in zip(plain, planted, strict=True):
        assert (before.labels, before.strengths, before.cues) == (after.labels, after.strengths, after.cues)


def test_duplicates_repeat_the_images_under_another_name() -> None:
    exams = cohort(Recipe(patients=200, duplicates=0.5))
    copies = [exam for exam in exams if exam.origin != exam.patient]
    by_patient = {(exam.patient, exam.number): exam for exam in exams}
    assert 30 <= len({exam.patient for exam in copies}) <= 70
    for copy in copies:
        source = by_patient[copy.origin, copy.number]
        assert (copy.labels, copy.strengths, copy.age) == (source.labels, source.strengths, source.age)
        assert copy.patient_id != source.patient_id
    assert not [exam for exam in cohort(Recipe(patients=50)) if exam.origin != exam.patient]


def test_a_shortcut_ties_the_scanner_to_the_answer() -> None:
    def share(exams: list[Exam]) -> float:
        return float(np.mean([(exam.scanner == "B") == bool(exam.labels[ANY]) for exam in exams]))

    assert share(cohort(Recipe(patients=150, shortcut=True))) == pytest.approx(0.9, abs=0.08)
    assert share(cohort(Recipe(patients=150))) == pytest.approx(0.5, abs=0.12)


def test_modalities_go_missing_at_their_rates_and_never_all() -> None:
    recipe = Recipe(patients=150, missing_report=0.4, missing_enhanced=1.0)
    exams = cohort(recipe)
    assert np.mean(["report" in exam.modalities for exam in exams]) == pytest.approx(0.6, abs=0.12)
    assert all("image" in exam.modalities and "enhanced" not in exam.modalities for exam in exams)
    scarce = cohort(Recipe(patients=50, missing_image=1.0, missing_enhanced=0.9, missing_report=0.9))
    assert all(exam.modalities and "image" not in exam.modalities for exam in scarce)


def test_log_odds_are_recorded_for_what_is_there_alone() -> None:
    recipe = Recipe(patients=1, missing_enhanced=1.0)
    shown = {key.partition("/")[0] for key in log_odds(recipe, cohort(recipe)[0])}
    assert shown == {"image", "report", "image+report"}


@pytest.fixture(scope="module")
def shared() -> tuple[Recipe, list[Exam]]:
    recipe = Recipe(patients=800, strength="shared")
    return recipe, cohort(recipe)


def test_a_shared_strength_is_that_of_enhanced_and_a_degraded_copy_of_it(shared) -> None:
    recipe, exams = shared
    apart = cohort(replace(recipe, strength="apart"))
    labels = np.array([[exam.labels[k] for k in FINDINGS] for exam in exams])
    z = {n: np.array([[exam.strengths[n][k] for k in FINDINGS] for exam in exams]) for n in ("image", "enhanced")}
    for before, after in zip(apart, exams, strict=True):
        assert before.labels == after.labels
        assert before.strengths["enhanced"] == after.strengths["enhanced"]
    rest = {"image": z["image"] - 1.6 * labels, "enhanced": z["enhanced"] - 2.2 * labels}
    assert rest["image"].std() == pytest.approx(1, abs=0.05)
    assert rest["image"].mean() == pytest.approx(0, abs=0.05)
    assert np.corrcoef(rest["image"].ravel(), rest["enhanced"].ravel())[0, 1] == pytest.approx(1.6 / 2.2, abs=0.03)


def test_a_copy_keeps_its_best_auroc_and_adds_nothing_to_what_it_was_made_of(shared) -> None:
    recipe, exams = shared
    odds = [log_odds(recipe, exam) for exam in exams]
    assert all(o[f"image+enhanced/{k}"] == o[f"enhanced/{k}"] for o in odds for k in ALL)
    assert all(o["image+enhanced+report/any"] == o["enhanced+report/any"] for o in odds)
    best = [roc_auc_score([exam.labels[k] for exam in exams], [o[f"image/{k}"] for o in odds]) for k in FINDINGS]
    assert np.mean(best) == pytest.approx(0.871, abs=0.02)
