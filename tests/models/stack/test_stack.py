"""One answer of several members, by what a study is shown."""

from __future__ import annotations

import torch

from mmdx.batch import Packed
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.stack import Stack, Weighting
from mmdx.models.stack.summaries import MeanAndMax

NAMES = ("image", "report")
BOTH, IMAGE = torch.tensor([True, True]), torch.tensor([True, False])


def linear() -> LinearAnswer:
    """The mean of one number."""
    return LinearAnswer(MeanAndMax(1), torch.zeros(2), torch.tensor([[1.0], [0.0]]), torch.zeros(1))


def network(shown: torch.Tensor) -> torch.Tensor:
    """10 where the image is shown, and 1 where the report is."""
    return 10.0 * shown[:, :1] + 1.0 * shown[:, 1:]


def test_the_network_answers_to_all_and_to_each_modality_alone_and_a_linear_model_to_one():
    stack = Stack("study", NAMES, {"image": linear()}, ())
    packed = {"image": Packed(torch.tensor([[4.0], [6.0]]), torch.tensor([2, 0]))}
    shown = torch.stack([BOTH, ~IMAGE])
    answers = stack.answers(packed, shown, network(shown), network)
    assert {name: values.flatten().tolist() for name, values in answers.items()} == {
        "network": [11.0, 1.0],
        "network image": [10.0, 0.0],
        "network report": [1.0, 1.0],
        "linear image": [5.0, 0.0],
    }


def test_what_counts_hangs_on_what_a_study_is_shown():
    weightings = [
        Weighting(NAMES, ("network", "linear image"), torch.tensor([[1.0], [2.0]]), torch.tensor([0.5])),
        Weighting(("image",), ("network",), torch.tensor([[3.0]]), torch.tensor([0.0])),
    ]
    stack = Stack("study", NAMES, {"image": linear()}, weightings)
    answers = {"network": torch.tensor([[1.0], [1.0], [1.0]]), "linear image": torch.tensor([[4.0], [4.0], [4.0]])}
    present = torch.stack([BOTH, IMAGE, ~IMAGE])
    # Nothing was fitted for reports alone: there the network's answer stays.
    assert stack(answers, present).flatten().tolist() == [9.5, 3.0, 1.0]


def test_a_lone_modality_has_one_network_answer():
    stack = Stack("study", ("image",), {}, ())
    assert list(stack.answers({}, torch.tensor([[True]]), torch.zeros(1, 1), network)) == ["network"]


def test_a_modality_that_no_study_of_a_batch_has_is_not_summarised():
    stack = Stack("study", NAMES, {"image": linear()}, ())
    packed = {"image": Packed(torch.empty(0, 1), torch.tensor([0]))}
    assert stack.answers(packed, ~IMAGE[None], torch.ones(1, 1), network)["linear image"].tolist() == [[0.0]]
