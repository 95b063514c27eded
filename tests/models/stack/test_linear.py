"""A linear answer to one modality."""

from __future__ import annotations

import torch

from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.summaries import MeanAndMax


def test_the_answer_is_the_summary_less_its_centre_by_the_weights():
    weight = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    answer = LinearAnswer(MeanAndMax(1), torch.tensor([1.0, 1.0]), weight, torch.tensor([0.5, -0.5]))
    # A study of 1 and 3: mean 2, maximum 3.
    assert answer(torch.tensor([[1.0], [3.0]]), torch.tensor([2])).tolist() == [[1.5, 3.5]]


def test_autocast_does_not_round_what_a_regression_says():
    answer = LinearAnswer(MeanAndMax(1), torch.zeros(2), torch.tensor([[1.0], [0.0]]), torch.zeros(1))
    values, lengths = torch.tensor([[1.0009765625]]), torch.tensor([1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert answer(values, lengths).item() == 1.0009765625


def test_its_numbers_are_no_weights_of_the_network():
    answer = LinearAnswer(MeanAndMax(1), torch.zeros(2), torch.zeros(2, 1), torch.zeros(1))
    assert not answer.state_dict()
    assert not list(answer.parameters())
