import numpy as np
import pytest

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.comparison.problem import SUMMED, Layout, problems_of
from mmdx.stats.metrics.calibration import BINS, EXPANDED, expand

LABELS = np.array([[1, 0], [0, np.nan], [1, 1]])
SCORES = np.array([[0.75, 0.5], [0.5, 0.9], [0.25, 0.5]])
THRESHOLDS = np.array([[0.5, np.nan]] * 3)
PATIENTS = np.array([0, 1, 1])


@pytest.fixture
def problems():
    return problems_of(LABELS, Scored(SCORES, THRESHOLDS, THRESHOLDS), PATIENTS)


def test_the_problems_are_the_findings_and_all_their_known_labels_together(problems):
    bleed, fracture, both = problems
    assert (bleed.labels.tolist(), fracture.labels.tolist()) == ([1, 0, 1], [0, 1])
    assert both.labels.tolist() == [1, 0, 1, 0, 1]
    assert fracture.patients.tolist() == [0, 1]
    assert [problem.answered for problem in problems] == [True, False, False]
    assert bleed.answers.tolist() == [1, 1, 0]


def test_one_finding_is_one_problem():
    one = Scored(SCORES[:, :1], THRESHOLDS[:, :1], THRESHOLDS[:, :1])
    assert len(problems_of(LABELS[:, :1], one, PATIENTS)) == 1


def test_rows_are_added_up_by_patient(problems):
    bleed = problems[0]
    sums = bleed.by_patient(bleed.summed(expand(bleed.labels, bleed.scores)), 2)
    assert sums[:, SUMMED.squares].tolist() == [0.0625, 0.25 + 0.5625]
    assert sums[:, SUMMED.true_yes].tolist() == [1, 0]
    assert sums[:, SUMMED.false_yes].tolist() == [0, 1]
    assert sums[:, SUMMED.bins].sum(axis=1).tolist() == [-0.25, 0.5 - 0.75]


@pytest.mark.parametrize("findings", [1, 3])
def test_the_blocks_of_a_layout_fill_its_width_and_do_not_overlap(findings):
    layout = Layout(findings, trainings=2)
    count = findings + (findings > 1)
    blocks = [layout.classes, *(layout.block(t, h) for t in range(2) for h in range(count))]
    assert [place for block in blocks for place in range(block.start, block.stop)] == list(range(layout.width))
    assert SUMMED.width == 4 + BINS + EXPANDED
