"""A part of the section on classes: its rows, its refusals, its record."""

import numpy as np
from scored import cohort_of

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.classes.parts import (
    Part,
    estimate_parts,
    known_rows,
    part_record,
    part_sentence,
    part_sheet,
)

ROWS = np.array([1, 2, 3])


def drawn_rows(weights):
    return {"rows": weights.sum(axis=1).astype(float), "nothing": np.full(len(weights), np.nan)}


def test_a_measure_sees_the_rows_of_its_part_and_what_is_not_measured_is_a_dash():
    cohort = cohort_of(np.zeros((4, 1)), [np.zeros((4, 1))])
    part = Part("Rows", {"rows": "rows drawn", "nothing": "nothing"}, ROWS, {"arm0": drawn_rows}, "too few")
    estimates = estimate_parts({"a": part}, Resampler.of(cohort, resamples=50, seed=0))["a"]
    assert part_sheet(part, estimates).rows == (("arm0", "3.000 [–]", "–", "3"),)
    assert part_sentence(cohort, "a", part, estimates) == (
        "a, rows drawn over 3 patients: arm0 3.000. No intervals: too few."
    )
    assert part_record(part, estimates)["models"]["arm0"]["rows"] == {
        "value": 3.0,
        "low": None,
        "high": None,
        "refused": "too few",
    }


def test_rows_of_unknown_class_are_left_out():
    labels = np.array([[1.0, 0], [np.nan, np.nan], [0, 0], [0, 1]])
    assert known_rows(cohort_of(labels, [labels]), ["f0", "f1"]).tolist() == [0, 3]
