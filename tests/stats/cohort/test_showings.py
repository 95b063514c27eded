import numpy as np
import pytest
from arms_by_hand import cohort_of, halves

from mmdx.stats.cohort.showings import Withheld, fallbacks, fullest, modalities, trained_alike, withheld

SHOWN = {"fused": "ct+report", "fused ct": "ct", "fused report": "report", "alone": "ct", "baseline": "ct"}
FULL, CT, REPORT, ALONE = range(4)


@pytest.fixture
def cohort():
    """A model of both modalities with three showings, one of the images alone, and a baseline."""
    labels = halves(8)
    runs = {name: name.split()[0] for name in SHOWN}
    return cohort_of(labels, {name: np.full(labels.shape, 0.5) for name in SHOWN}, runs=runs, shown=SHOWN)


def test_an_arm_was_shown_modalities(cohort):
    assert modalities(cohort.arms[FULL]) == {"ct", "report"}


def test_the_fullest_showing_of_each_run(cohort):
    assert fullest(cohort) == [FULL, ALONE]


def test_a_model_trained_on_less_stands_beside_the_showing_that_lacks_as_much(cohort):
    assert withheld(cohort) == [Withheld(FULL, CT, "report", (ALONE,)), Withheld(FULL, REPORT, "ct", ())]
    assert trained_alike(cohort, CT) == [ALONE]
    assert fallbacks(cohort) == [(CT, ALONE)]
