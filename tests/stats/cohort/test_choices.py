import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError
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
