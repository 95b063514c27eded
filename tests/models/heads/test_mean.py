"""Heads that answer together, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mmdx.models.heads.base import Findings
from mmdx.models.heads.calibration import Calibration
from mmdx.models.heads.mean import answer_together, mean_logits
from mmdx.models.heads.study import StudyHead
from mmdx.schema import Component

THREE = math.log(3)


def study_head(*findings: str, loss: str = "bce") -> StudyHead:
    return StudyHead(4, Findings(findings), {}, loss=Component(type=loss))


def test_the_mean_logit_is_what_they_say_and_the_spread_that_of_their_probabilities():
    heads = [study_head("bleed"), study_head("bleed")]
    logits = [torch.tensor([[0.0]]), torch.tensor([[2 * THREE]])]
    assert mean_logits(heads, logits).item() == pytest.approx(THREE)
    answer = answer_together(heads, logits)
    assert answer.probabilities.item() == pytest.approx(0.75)
    assert answer.spread is not None
    # Probabilities 0.5 and 0.9: 0.2 from their mean each.
    assert answer.spread.item() == pytest.approx(math.sqrt(0.2**2 + 0.2**2))


def test_one_head_answers_as_it_does_and_has_no_spread():
    head, logits = study_head("bleed"), torch.tensor([[THREE]])
    answer = answer_together([head], [logits])
    assert torch.equal(answer.probabilities, head.probabilities(logits))
    assert answer.spread is None


def test_classes_of_a_group_still_sum_to_one():
    heads = [study_head("D/a", "D/b", loss="cross_entropy") for _ in range(2)]
    # Softmax of the mean logits (ln 3, 0); that a head adds the same to all classes says nothing.
    logits = [torch.tensor([[2 * THREE, 0.0]]), torch.tensor([[7.0, 7.0]])]
    assert answer_together(heads, logits).probabilities.flatten().tolist() == pytest.approx([0.75, 0.25])


def test_each_head_is_calibrated_before_the_mean_and_nothing_after_it():
    heads = [study_head("bleed"), study_head("bleed")]
    heads[0].calibration = Calibration(torch.tensor([2.0]), torch.tensor([THREE]))
    # 2 * 0 + ln 3 of the first, ln 3 of the second: the mean is ln 3, and stays so.
    answer = answer_together(heads, [torch.tensor([[0.0]]), torch.tensor([[THREE]])])
    assert answer.probabilities.item() == pytest.approx(0.75)
