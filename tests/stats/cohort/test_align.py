from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError
from mmdx.stats.cohort.align import Rows, by_patient

FILE = Path("test.csv")
COLUMNS = ["study_id", "patient_id", "shown", "finding", "label", "score"]


def table(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    """Study, patient, finding, label and score of each row."""
    return pd.DataFrame([(study, patient, "ct", *rest) for study, patient, *rest in rows], columns=COLUMNS)


FRAME = table(("a", "p", "bleed", 1, 0.9), ("b", "q", "bleed", np.nan, 0.2))


def test_scores_come_in_the_order_of_the_first_file():
    rows = Rows.of(FRAME, FILE)
    assert (rows.studies, rows.names, rows.slices) == (["a", "b"], ["a", "b"], False)
    other = table(("b", "q", "bleed", np.nan, 0.3), ("a", "p", "bleed", 1, 0.8))
    rows.check(other, FILE, ("other", "first"))
    assert rows.scores(other).tolist() == [[0.8], [0.3]]


def test_a_slice_is_named_by_study_and_number():
    rows = Rows.of(FRAME.assign(slice=["0", "4"]), FILE)
    assert (rows.names, rows.studies) == (["a slice 0", "b slice 4"], ["a", "b"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (FRAME.assign(patient_id=["p", "r"]), "give 1 row to different patients, the first 'b': 'r' against 'q'"),
        (FRAME.assign(label=[1, 0]), "disagree on 1 label, the first bleed of 'b': 0 against unknown"),
        (FRAME.assign(study_id=["a", "c"]), "same studies: 2 are in one of them only, the first 'b' (2 against 2)"),
        (FRAME.assign(finding="mass"), "same findings: 2 are in one of them only, the first 'bleed' (1 against 1)"),
        (FRAME.assign(slice="0"), "one scores slices, the other studies"),
    ],
)
def test_a_file_that_differs_is_refused(other, words):
    with pytest.raises(DataError) as caught:
        Rows.of(FRAME, FILE).check(other, FILE, ("other", "first"))
    assert "'other' and 'first'" in str(caught.value)
    assert words in str(caught.value)


def test_a_row_without_a_finding_is_refused():
    with pytest.raises(DataError, match=r"test\.csv: has no row for mass of 'b'"):
        Rows.of(pd.concat([FRAME, table(("a", "p", "mass", 0, 0.1))]), FILE)


def test_a_patient_has_the_highest_score_and_label_of_its_rows():
    frame = table(
        *[("a", "p", "bleed", 0, 0.4), ("b", "p", "bleed", 1, 0.1), ("c", "p", "bleed", np.nan, 0.3)],
        *[("d", "q", "bleed", 0, 0.6), ("e", "q", "bleed", np.nan, 0.2), ("f", "r", "bleed", 0, 0.5)],
    )
    patients = by_patient(frame)
    assert patients["study_id"].tolist() == patients["patient_id"].tolist() == ["p", "q", "r"]
    assert patients["score"].tolist() == [0.4, 0.6, 0.5]
    assert patients["label"].tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)
