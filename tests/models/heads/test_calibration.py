"""A head that is calibrated says other probabilities, and keeps its weights, its loss and its ranks."""

import math

import torch

from mmdx.batch import Batch
from mmdx.models.heads.base import Findings
from mmdx.models.heads.calibration import Calibration
from mmdx.models.heads.study import StudyHead


def test_probabilities_are_those_of_the_scaled_and_shifted_logits() -> None:
    head = StudyHead(4, Findings(("a", "b")), {})
    logits, names = torch.tensor([[2.0, 0.0]]), set(head.state_dict())
    labels = Batch(["s"], ["p"], {}, torch.tensor([[1.0, 0.0]]), {})
    loss = head.loss(logits, labels)
    head.calibration = Calibration(torch.tensor([0.5, 1.0]), torch.tensor([0.0, math.log(3)]))
    torch.testing.assert_close(head.probabilities(logits), torch.tensor([[1 / (1 + math.exp(-1.0)), 0.75]]))
    assert set(head.state_dict()) == names
    assert head.loss(logits, labels) == loss


def test_a_calibration_reads_back_as_it_was() -> None:
    calibration = Calibration(torch.tensor([0.5, 2.0]), torch.tensor([-1.0, 0.25]))
    again = Calibration.from_json(calibration.to_json(("a", "b")), ("b", "a"))
    assert again.scale.tolist() == [2.0, 0.5]
    assert again.shift.tolist() == [0.25, -1.0]
