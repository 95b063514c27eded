"""Instance poolings: what they make of the answers to the items of a study."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmdx.models.heads.instances import InstancePooling
from mmdx.registry import INSTANCE_POOLINGS
from mmdx.schema import Component

EVERY = INSTANCE_POOLINGS.names()


def pooling(name: str, **options: object) -> InstancePooling:
    torch.manual_seed(0)
    return INSTANCE_POOLINGS.build(Component(type=name, **options), width=2, findings=1)


def pooled(name: str, *studies: list[float], **options: object) -> list[float]:
    """The answers to studies of one finding, by the logits of their items; behind a study's last stands a large one."""
    longest = max(map(len, studies)) + 1
    logits = torch.tensor([[*study, *[99.0] * (longest - len(study))] for study in studies]).unsqueeze(-1)
    mask = torch.arange(longest) < torch.tensor([len(study) for study in studies])[:, None]
    return pooling(name, **options)(logits, torch.zeros(*mask.shape, 2), mask)[:, 0].tolist()


def test_max_is_the_largest():
    assert pooled("max", [1.0, 3.0, -2.0], [-4.0]) == [3.0, -4.0]


def test_top_k_is_the_mean_of_the_largest():
    assert pooled("top_k", [1.0, 5.0, 3.0, -9.0, -9.0], [2.0], count=2) == [4.0, 2.0]
    # Half of three items, rounded up, are two; half of one is one.
    assert pooled("top_k", [1.0, 5.0, 3.0], [2.0], share=0.5) == [4.0, 2.0]
    assert pooled("top_k", [1.0, 5.0, 3.0], share=1.0) == [3.0]


def test_noisy_or_is_the_chance_of_any():
    # Two chances of a half make three quarters, whose odds are 3.
    assert pooled("noisy_or", [0.0, 0.0])[0] == pytest.approx(math.log(3))
    # Odds of 1 and of 1/3: 1 - 1/2 * 3/4 = 5/8, whose odds are 5/3.
    assert pooled("noisy_or", [0.0, -math.log(3)])[0] == pytest.approx(math.log(5 / 3))


def test_noisy_or_neither_underflows_nor_saturates():
    tiny, large = pooled("noisy_or", [-120.0, -120.0], [60.0, -3.0])
    assert tiny == pytest.approx(-120 + math.log(2))
    assert large == pytest.approx(60, abs=0.1)


def test_noisy_or_is_smooth_where_its_two_forms_meet():
    # exp(z) is the sum of -log(1 - p) where p is small; the forms meet at 1e-4.
    below, above = pooled("noisy_or", [math.log(0.9999e-4)], [math.log(1.0001e-4)])
    assert above - below == pytest.approx(2e-4, rel=0.05)


def test_log_sum_exp_is_a_soft_maximum():
    logits = [0.0, math.log(3)]
    assert pooled("log_sum_exp", logits, sharpness=1.0)[0] == pytest.approx(math.log(2))
    assert pooled("log_sum_exp", logits, sharpness=200.0)[0] == pytest.approx(math.log(3), abs=0.01)
    assert pooled("log_sum_exp", logits, sharpness=1e-3)[0] == pytest.approx(math.log(3) / 2, abs=0.01)


def test_log_sum_exp_learns_its_sharpness_unless_told_not_to():
    assert [p.requires_grad for p in pooling("log_sum_exp").parameters()] == [True]
    assert [p.requires_grad for p in pooling("log_sum_exp", learned=False).parameters()] == [False]


def test_attention_weighs_answers_finding_by_finding():
    torch.manual_seed(0)
    attention = INSTANCE_POOLINGS.build(Component(type="attention", hidden=1), width=1, findings=2)
    for parameter in attention.parameters():
        parameter.data.zero_()
    attention.content.weight.data.fill_(100.0)
    # A gate of a half and a content of 1 at items of 1, 0 at items of 0: scores of 4 log 3 / 4, and none.
    attention.score.weight.data.copy_(torch.tensor([[2 * math.log(3)], [0.0]]))
    items = torch.tensor([[[1.0], [0.0]]])
    logits = torch.tensor([[[4.0, 4.0], [0.0, 0.0]]])
    answer = attention(logits, items, torch.tensor([[True, True]]))
    # Weights of 3/4 and 1/4 for the first finding, of a half each for the second.
    torch.testing.assert_close(answer, torch.tensor([[3.0, 2.0]]))


@pytest.mark.parametrize("name", EVERY)
def test_one_item_answers_for_its_study_and_none_says_nothing(name):
    assert pooled(name, [0.7], [], [-2.5]) == pytest.approx([0.7, 0.0, -2.5], abs=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_an_answer_that_rises_never_lowers_that_of_the_study(name):
    assert pooled(name, [0.5, -1.0, 2.5])[0] >= pooled(name, [0.5, -1.0, 2.0])[0]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_gradients_are_finite_at_any_logit_and_precision(name, dtype):
    mask = torch.tensor([[True, True, True], [True, False, False], [False, False, False]])
    logits = torch.tensor([[-200.0, 200.0, 0.0], [-200.0, 9.0, 9.0], [9.0, 9.0, 9.0]], dtype=dtype).unsqueeze(-1)
    logits.requires_grad_()
    answer = pooling(name)(logits, torch.zeros(3, 3, 2), mask)
    answer.float().sum().backward()
    assert answer.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert _behind(logits.grad, mask).abs().sum() == 0


def _behind(values: Tensor, mask: Tensor) -> Tensor:
    return values[~mask]
