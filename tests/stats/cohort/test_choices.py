import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.cohort import read_cohort

COLUMNS = ["study_id", "patient_id", "shown", "finding", "label", "score"]


def write_validation(run, rows) -> None:
    pd.DataFrame(rows, columns=COLUMNS).to_csv(run / "predictions" / "val.csv", index=False)


def test_validation_rows_choose_by_finding_and_showing(write_run):
    run = write_run("fused", {"ct+report": 1.0, "ct": 1.0}, patients=8)
    rows = [(f"v{i}", f"v{i}", "ct", "bleed", i % 2, 0.6 if i % 2 else 0.2) for i in range(12)]
    write_validation(run, rows)
    cohort = read_cohort([run])
    ct = [arm.name for arm in cohort.arms].index("ct")
    assert cohort.thresholds[ct, :, 0].tolist() == pytest.approx([0.4] * 8)
    assert (cohort.temperatures[ct, :, 0] < 1).all()
    assert np.isnan(cohort.thresholds[ct, :, 1]).all()
    assert np.isnan(cohort.thresholds[1 - ct]).all()


def test_a_validation_set_of_one_class_or_of_few_rows_chooses_nothing(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    one_class = [(f"v{i}", f"v{i}", "ct", "bleed", 0, 0.1 * i) for i in range(10)]
    few = [(f"v{i}", f"v{i}", "ct", "fracture", i % 2, 0.5) for i in range(9)]
    write_validation(run, one_class + few)
    assert np.isnan(read_cohort([run]).thresholds).all()


def test_patients_that_are_scored_do_not_choose(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    write_validation(run, [(f"v{i}", f"p{i}", "ct", "bleed", i % 2, 0.5) for i in range(6, 18)])
    with pytest.raises(DataError, match=r"val\.csv: its patients 'p6', 'p7' are among those that are scored"):
        read_cohort([run])


def test_without_validation_rows_there_is_no_threshold(write_run):
    cohort = read_cohort([write_run("fused", {"ct": 1.0}, patients=8)])
    assert np.isnan(cohort.thresholds).all()
    assert np.isnan(cohort.temperatures).all()


def test_each_fold_has_the_threshold_of_its_own_validation(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    table = pd.read_csv(run / "predictions" / "test.csv")
    folds = table["patient_id"].map(lambda patient: int(patient[1:]) % 2)
    table.assign(fold=folds).to_csv(run / "predictions" / "test.csv", index=False)
    facts = table.assign(fold=folds)[["study_id", "patient_id", "fold"]].drop_duplicates()
    facts.to_csv(run / "folds.csv", index=False)
    for fold, low in ((0, 0.2), (1, 0.8)):
        rows = [(f"v{i}", f"v{i}", "ct", "bleed", i % 2, low + 0.1 if i % 2 else low) for i in range(12)]
        part = run / f"fold-{fold}"
        (part / "predictions").mkdir(parents=True)
        write_validation(part, rows)
    cohort = read_cohort([run])
    assert cohort.thresholds[0, :, 0].tolist() == pytest.approx([0.25, 0.85] * 4)
    assert cohort.arms[0].folds == 2
    assert cohort.scored[0][0].folds.tolist() == [0, 1] * 4
    by_patient = read_cohort([run], unit="patient")
    assert by_patient.scored[0][0].folds.tolist() == [0, 1] * 4
    write_validation(run / "fold-1", [(f"v{i}", f"v{i}", "ct", "bleed", 0, 0.5) for i in range(12)])
    partly = read_cohort([run])
    assert partly.folds_without_threshold(0, [0]).startswith("no threshold in 1 of 2 folds")


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        # Positives score 0.35 to 0.8 in steps of 0.05; one of ten may be missed.
        (OperatingPoint(sensitivity=0.9), 0.375),
        # Negatives score 0.1 to 0.55; the highest is flagged.
        (OperatingPoint(specificity=0.9), 0.525),
    ],
)
def test_validation_rows_choose_the_operating_point_and_no_other_rows(write_run, point, expected):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    scores = [(1, 0.35 + 0.05 * i) for i in range(10)] + [(0, 0.1 + 0.05 * i) for i in range(10)]
    write_validation(run, [(f"v{i}", f"v{i}", "ct", "bleed", *row) for i, row in enumerate(scores)])
    scored = read_cohort([run], operating_point=point).scored[0][0]
    assert scored.acted_on[:, 0] == pytest.approx(expected)
    assert np.isnan(scored.acted_on[:, 1]).all()
    assert scored.thresholds[0, 0] != pytest.approx(expected)
    # Of the same rows without a stated point, Youden's.
    assert np.array_equal(read_cohort([run]).scored[0][0].acted_on, scored.thresholds, equal_nan=True)


def test_a_stated_threshold_is_one_of_calibrated_scores(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    write_validation(run, [(f"v{i}", f"v{i}", "ct", "bleed", i % 2, 0.2 + 0.03 * i) for i in range(20)])
    point = OperatingPoint(threshold=0.3)
    scored = read_cohort([run], operating_point=point).scored[0][0]
    flagged, plain = scored.scores >= scored.acted_on, scored.scores >= 0.3
    assert np.array_equal(flagged[:, 0], scored.calibrated[:, 0] >= 0.3)
    assert np.array_equal(flagged[:, 1], plain[:, 1])
    assert np.isnan(scored.calibrated[:, 1]).all()
