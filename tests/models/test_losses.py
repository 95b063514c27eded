"""Losses by hand: what a probability of a half, or three quarters, costs under each."""

from __future__ import annotations

from math import log, nan

import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn.functional import cross_entropy, one_hot

from mmdx.errors import UsageError
from mmdx.models.heads.base import Findings
from mmdx.models.heads.study import StudyHead
from mmdx.models.losses import HEAVIEST, Loss
from mmdx.registry import LOSSES
from mmdx.schema import Component

GROUP = ("any", "D/a", "D/b", "D/c")
THREE_QUARTERS = log(3)
"""The logit of 0.75."""


def loss(name: str, findings: tuple[str, ...], prevalence: tuple[float, ...] | None = None, **options) -> Loss:
    component = Component.model_validate({"type": name, **options})
    return LOSSES.build(component, findings=findings, prevalence=prevalence or (nan,) * len(findings))


def value(made: Loss, logits: list[list[float]], labels: list[list[float]]) -> float:
    return made(torch.tensor(logits), torch.tensor(labels, dtype=torch.float32)).item()


@pytest.mark.parametrize("name", ["bce", "focal", "asymmetric", "cross_entropy"])
def test_nothing_known_is_zero_and_attached(name):
    logits = torch.tensor([[2.0, -1.0, 0.5, 9.0]], requires_grad=True)
    found = loss(name, GROUP)(logits, torch.full((1, 4), nan))
    found.backward()
    assert found.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("name", ["bce", "focal", "asymmetric", "cross_entropy"])
def test_certain_answers_in_bf16_have_finite_gradients_in_float32(name):
    logits = torch.tensor([[90.0, -90, 90, 0], [-90, 90, -90, 0]], dtype=torch.bfloat16, requires_grad=True)
    found = loss(name, GROUP)(logits, torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0]]))
    found.backward()
    assert (found.dtype, found.isfinite().item()) == (torch.float32, True)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("options", [{"gamma": 0.5}, {"type": "asymmetric", "negative_gamma": 0.5, "margin": 0}])
def test_powers_below_one_have_finite_gradients_where_nothing_is_left_to_learn(options):
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss(options.pop("type", "focal"), ("a", "b"), **options)(logits, torch.tensor([[1.0, 0.0]])).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-3


def test_bce_is_the_mean_over_known_labels():
    found = value(loss("bce", ("a", "b")), [[THREE_QUARTERS, 0.0], [THREE_QUARTERS, 5.0]], [[1, 0], [0, nan]])
    assert found == pytest.approx((-log(0.75) + log(2) + -log(0.25)) / 3)


def test_balanced_classes_weigh_the_same_over_the_training_set():
    """Of four studies one is positive: the positive weighs 2, each negative 2/3, all together 4."""
    made = loss("bce", ("a",), (0.25,), class_weights="balanced")
    assert value(made, [[0.0]] * 4, [[1], [0], [0], [0]]) == pytest.approx(log(2))
    assert value(made, [[0.0]], [[1]]) == pytest.approx(2 * log(2))
    assert value(made, [[0.0]], [[0]]) == pytest.approx(log(2) * 2 / 3)


@pytest.mark.parametrize("share", [nan, 0.0, 1.0])
def test_a_finding_with_one_class_or_none_in_training_is_not_weighed(share):
    made = loss("bce", ("a",), (share,), class_weights="balanced")
    assert value(made, [[0.0], [0.0]], [[1], [0]]) == pytest.approx(log(2))


def test_a_rare_positive_weighs_twenty_and_no_more():
    made = loss("bce", ("a",), (0.001,), class_weights="balanced")
    assert HEAVIEST == 20
    assert value(made, [[0.0]], [[1]]) == pytest.approx(20 * log(2), rel=1e-6)


def test_any_counts_double_as_in_the_rsna_challenge():
    """(2 LL_any + sum of LL_subtype) / 7, LL being the log loss of one finding over all slices."""
    findings = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
    torch.manual_seed(0)
    logits, labels = torch.randn(40, 6), torch.randint(0, 2, (40, 6)).float()
    each = [log_loss(labels[:, i], logits[:, i].sigmoid(), labels=[0, 1]) for i in range(6)]
    expected = (2 * each[5] + sum(each[:5])) / 7
    found = loss("bce", findings, finding_weights={"any": 2})(logits, labels).item()
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_weight_for_a_finding_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"finding_weights names 'ayn'; did you mean 'any'\? known: any, b"):
        loss("bce", ("any", "b"), finding_weights={"ayn": 2})


def test_a_finding_of_weight_zero_is_not_learned():
    made = loss("bce", ("any", "b"), finding_weights={"any": 0})
    assert value(made, [[9.0, 0.0]], [[0, 1]]) == pytest.approx(log(2))
    assert value(made, [[9.0, 0.0]], [[0, nan]]) == 0


def test_smoothed_labels_are_moved_towards_a_half():
    """By 0.2 a positive is 0.9 and a negative 0.1; at a logit of 0 both cost log 2, as ever."""
    made = loss("bce", ("a", "b"), smoothing=0.2)
    assert value(made, [[0.0, 0.0]], [[1, 0]]) == pytest.approx(log(2))
    positive, negative = -0.9 * log(0.75) - 0.1 * log(0.25), -0.1 * log(0.75) - 0.9 * log(0.25)
    assert value(made, [[THREE_QUARTERS, 9.0]], [[1, nan]]) == pytest.approx(positive)
    assert value(made, [[THREE_QUARTERS, 9.0]], [[0, nan]]) == pytest.approx(negative)
    # A class weighs as before: what is smoothed is the label, not the class.
    weighed = loss("bce", ("a",), (0.25,), class_weights="balanced", smoothing=0.2)
    assert value(weighed, [[THREE_QUARTERS]], [[1]]) == pytest.approx(2 * positive)
    assert made.probabilities(torch.tensor([[THREE_QUARTERS, 0.0]])).tolist()[0] == pytest.approx([0.75, 0.5])


def test_a_smoothed_row_gives_a_share_to_each_class_of_its_group():
    """Of probabilities 1/2, 1/4 and 1/4, by 0.3 the true class has 0.8 and the others 0.1."""
    made, logits = loss("cross_entropy", GROUP, smoothing=0.3), [[0.0, log(2), 0.0, 0.0]]
    expected = 0.8 * log(2) + 0.2 * log(4)
    assert value(made, logits, [[nan, 1, 0, 0]]) == pytest.approx(expected)
    torch.manual_seed(0)
    scores, classes = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    found = loss("cross_entropy", GROUP[1:], smoothing=0.3)(scores, one_hot(classes, 3).float())
    torch.testing.assert_close(found, cross_entropy(scores, classes, label_smoothing=0.3))
    # Not a: 0.7 of the row is shared by b and c, whose probabilities sum to 1/2.
    assert value(made, logits, [[nan, 0, nan, nan]]) == pytest.approx(0.7 * log(2) + 0.1 * (log(2) + 2 * log(4)))
    # A finding of no group is smoothed as under bce.
    assert value(made, [[THREE_QUARTERS, 9.0, 0.0, 0.0]], [[1, nan, nan, nan]]) == pytest.approx(
        -0.85 * log(0.75) - 0.15 * log(0.25)
    )


def test_cross_entropy_is_a_softmax_in_a_group_and_a_sigmoid_outside():
    """Class a of scores log 2, 0, 0 has probability 1/2; `any` at logit 0 too."""
    found = value(loss("cross_entropy", GROUP), [[0.0, log(2), 0.0, 0.0]], [[1, 1, 0, 0]])
    assert found == pytest.approx((log(2) + log(2)) / 2)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0, 0], 0.5),
        ([0, 1, 0], 0.25),
        ([0, nan, nan], 0.5),  # not a: b or c
        ([nan, nan, 0], 0.75),  # not c: a or b
        ([0, nan, 0], 0.25),  # what is left is b
    ],
)
def test_what_is_not_ruled_out_shares_the_probability(labels, expected):
    found = value(loss("cross_entropy", GROUP), [[0.0, log(2), 0.0, 0.0]], [[nan, *labels]])
    assert found == pytest.approx(-log(expected))


def test_a_row_of_none_of_the_classes_is_skipped():
    made = loss("cross_entropy", GROUP)
    rows = [[nan, 0.0, 0.0, 0.0], [nan, nan, nan, nan], [nan, 1.0, 0.0, 0.0]]
    assert value(made, [[0.0, log(2), 0.0, 0.0]] * 3, rows) == pytest.approx(log(2))
    assert value(made, [[0.0, log(2), 0.0, 0.0]] * 2, rows[:2]) == 0


def test_balanced_classes_of_a_group_weigh_the_same():
    """Shares of 1/2, 1/4, 1/4 weigh 2/3, 4/3, 4/3; a row that is b or c weighs 4/3."""
    made = loss("cross_entropy", GROUP, (nan, 0.5, 0.25, 0.25), class_weights="balanced")
    even = [[0.0, 0.0, 0.0, 0.0]]
    assert value(made, even, [[nan, 1, 0, 0]]) == pytest.approx(log(3) * 2 / 3)
    assert value(made, even, [[nan, 0, 0, 1]]) == pytest.approx(log(3) * 4 / 3)
    assert value(made, even, [[nan, 0, nan, nan]]) == pytest.approx(log(3 / 2) * 4 / 3)
    assert value(made, even, [[1, nan, nan, nan]]) == pytest.approx(log(2))


def test_a_class_that_training_never_met_leaves_the_weights_finite():
    made = loss("cross_entropy", GROUP, (nan, 1.0, 0.0, nan), class_weights="balanced")
    assert value(made, [[0.0, 0.0, 0.0, 0.0]], [[nan, 0, 1, 0]]) == pytest.approx(log(3))


def test_cross_entropy_without_a_group_is_refused():
    with pytest.raises(
        UsageError, match=r"none of the findings \(any, yes/no\) is a class of a group GROUP/CLASS; take bce"
    ):
        loss("cross_entropy", ("any", "yes/no"))


def test_focal_by_hand():
    """A label that has probability 0.75 counts (1/4)^2 of its cross-entropy, one that has a half (1/2)^2."""
    found = value(loss("focal", ("a", "b")), [[THREE_QUARTERS, 0.0]], [[1, 0]])
    assert found == pytest.approx((-log(0.75) / 16 + log(2) / 4) / 2)
    weighed = value(loss("focal", ("a", "b"), gamma=0, alpha=0.25), [[0.0, 0.0]], [[1, 0]])
    assert weighed == pytest.approx((0.25 * log(2) + 0.75 * log(2)) / 2)


def test_focal_without_focus_is_bce():
    torch.manual_seed(0)
    logits, labels = torch.randn(8, 2) * 4, torch.randint(0, 2, (8, 2)).float()
    torch.testing.assert_close(
        loss("focal", ("a", "b"), gamma=0)(logits, labels), loss("bce", ("a", "b"))(logits, labels)
    )


def test_asymmetric_by_hand():
    """At 0.75: a positive counts (1/4)^1 of -log 0.75; a negative, less the margin of 0.05, 0.7^4 of -log 0.3."""
    made = loss("asymmetric", ("a", "b"))
    assert value(made, [[THREE_QUARTERS, 0.0]], [[1, nan]]) == pytest.approx(-log(0.75) / 4)
    assert value(made, [[THREE_QUARTERS, 0.0]], [[0, nan]]) == pytest.approx(-(0.7**4) * log(0.3))
    assert value(made, [[-THREE_QUARTERS, -4.0]], [[nan, 0]]) == 0  # a negative that is below the margin


def test_asymmetric_without_asymmetry_is_bce():
    torch.manual_seed(0)
    logits, labels = torch.randn(8, 2) * 4, torch.randint(0, 2, (8, 2)).float()
    plain = loss("asymmetric", ("a", "b"), positive_gamma=0, negative_gamma=0, margin=0)
    torch.testing.assert_close(plain(logits, labels), loss("bce", ("a", "b"))(logits, labels))


@pytest.mark.parametrize(("name", "options"), [("focal", {"gamma": -1}), ("asymmetric", {"margin": 1})])
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(UsageError, match="input should be"):
        loss(name, ("a",), **options)


def test_a_head_says_the_probabilities_of_its_loss():
    sizes = {"dim": 4, "findings": Findings(GROUP), "branches": {}}
    logits = torch.tensor([[0.0, log(2), 0.0, 0.0]])
    each = StudyHead(**sizes)
    torch.testing.assert_close(each.probabilities(logits), torch.tensor([[1 / 2, 2 / 3, 1 / 2, 1 / 2]]))
    one = StudyHead(**sizes, loss=Component(type="cross_entropy"))
    torch.testing.assert_close(one.probabilities(logits), torch.tensor([[1 / 2, 1 / 2, 1 / 4, 1 / 4]]))
