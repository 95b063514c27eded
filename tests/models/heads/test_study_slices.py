"""A study head that answers from the answers to its slices, alone or beside the fused representation."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from parts import batch_of, config_of, model_of, sample

from mmdx.batch import Features
from mmdx.engine.training.objective import objective
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.study import StudyHead
from mmdx.registry import HEADS
from mmdx.schema import Component

ALONE = {"study": {"type": "study", "slices": "noisy_or", "fused": False}}
BOTH = {"study": {"type": "study", "slices": {"type": "top_k", "count": 1}}}
BRANCHES = {"ct": BranchSizes("images", 1), "mr": BranchSizes("vectors", 1), "note": BranchSizes("text", 1)}
ANY = batch_of([sample(0, images=1, words=1)])


def features(items: list[list[float]], mask: list[list[bool]]) -> Features:
    return Features(torch.tensor(items).unsqueeze(-1), torch.tensor(mask), torch.zeros(len(items), 2))


def head_of(**options: object) -> StudyHead:
    findings = Findings(("bleed",), {"study": (0.25,)})
    head = StudyHead(2, findings, BRANCHES, **options)  # type: ignore[arg-type]
    for layer in head.own.values():
        layer.weight.data.fill_(1.0)
        layer.bias.data.fill_(0.5)
    return head


def test_slices_alone_answer_for_a_study_and_modalities_are_summed():
    head = head_of(slices=Component(type="max"), fused=False)
    assert list(head.own) == ["ct", "mr"]
    ct = features([[1.0, 3.0, 9.0], [7.0, 7.0, 7.0]], [[True, True, False], [False, False, False]])
    mr = features([[2.0], [-4.0]], [[True], [True]])
    # 3 + .5 and 2 + .5; of the second study, which has no CT, -4 + .5.
    answer = head({"ct": ct, "mr": mr, "note": mr}, torch.full((2, 2), 8.0), ANY)
    assert answer[:, 0].tolist() == [6.0, -3.5]


def test_a_study_without_slices_starts_at_the_prevalence():
    head = head_of(slices=Component(type="noisy_or"), fused=False)
    none = features([[1.0]], [[False]])
    answer = head({"ct": none, "mr": none, "note": none}, torch.zeros(1, 2), ANY)
    assert answer.item() == pytest.approx(math.log(1 / 3))


def test_slices_are_added_to_what_the_fused_vector_says():
    head = head_of(slices=Component(type="max"))
    head.layers[1].weight.data.fill_(1.0)
    head.layers[1].bias.data.fill_(0.0)
    ct, none = features([[1.0]], [[True]]), features([[1.0]], [[False]])
    answer = head({"ct": ct, "mr": none, "note": none}, torch.tensor([[2.0, 3.0]]), ANY)
    assert answer.item() == 6.5


def test_the_answers_to_slices_are_at_hand():
    head = head_of(slices=Component(type="max"))
    ct = features([[1.0, 3.0]], [[True, True]])
    logits = head.of_slices({"ct": ct, "mr": ct, "note": ct})
    assert {name: values.flatten().tolist() for name, values in logits.items()} == {"ct": [1.5, 3.5], "mr": [1.5, 3.5]}


def test_an_item_of_a_noisy_or_starts_at_a_small_chance():
    findings = Findings(("bleed",))
    head = StudyHead(2, findings, BRANCHES, slices=Component(type="noisy_or"))
    assert head.own["ct"].bias.tolist() == [-4.0]


@pytest.mark.parametrize("heads", [ALONE, BOTH], ids=["alone", "both"])
def test_items_that_nobody_shows_may_hold_anything(heads):
    model = model_of(config_of(heads=heads)).train()
    head = model.heads["study"]
    seen = Features(torch.full((1, 2, 8), torch.nan), torch.tensor([[False, False]]), torch.zeros(1, 12))
    seen.items[0, 0] = 1.0
    one = dataclasses.replace(seen, mask=torch.tensor([[True, False]]))
    for features in (seen, one):
        head.zero_grad()
        answer = head({"image": features}, torch.zeros(1, 12, requires_grad=True), ANY)
        answer.sum().backward()
        assert answer.isfinite().all()
        assert all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize("heads", [ALONE, BOTH], ids=["alone", "both"])
def test_every_weight_has_a_gradient_for_processes_that_wait_for_it(heads):
    model = model_of(config_of(heads=heads)).train()
    batch = batch_of([sample(0, images=3, words=4), sample(1, images=0, words=5)])
    objective(model, model(batch), batch)["loss"].backward()
    assert [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None] == []


def test_slices_alone_spend_nothing_on_the_fused_representation():
    model = model_of(config_of(heads=ALONE)).eval()
    batch = batch_of([sample(0, images=3, words=4), sample(1, images=2, words=5)])
    before = model(batch).logits["study"]
    for parameter in model.fusion.parameters():
        parameter.data.fill_(5.0)
    torch.testing.assert_close(model(batch).logits["study"], before, atol=0, rtol=0)


@pytest.mark.parametrize("heads", [ALONE, BOTH], ids=["alone", "both"])
def test_a_study_is_answered_alike_in_any_batch(heads):
    model = model_of(config_of(heads=heads)).eval()
    samples = [sample(0, images=5, words=4), sample(1, images=1, words=5), sample(2, images=0, words=3)]
    together = model(batch_of(samples)).logits["study"]
    for row, one in enumerate(samples):
        torch.testing.assert_close(model(batch_of([one])).logits["study"], together[row : row + 1], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fused": False}, "without fused the slices alone answer; say how by slices, such as noisy_or"),
        ({"blend": True, "slices": "top_k"}, "blend is slices: max, and slices is top_k; drop blend"),
        ({"slices": "noisy"}, "no instance pooling is called 'noisy'; did you mean 'noisy_or'"),
        ({"slices": {"type": "top_k", "share": 2}}, "slices.share: "),
    ],
)
def test_what_makes_no_answer_is_refused(options, message):
    sizes = {"dim": 2, "findings": Findings(("bleed",)), "branches": BRANCHES}
    with pytest.raises(UsageError, match=message):
        HEADS.build(Component(type="study", **options), "model.heads.study", **sizes)


def test_slices_ask_for_images_or_descriptors():
    with pytest.raises(UsageError, match="slices pools answers to images or descriptors, and the model has neither"):
        StudyHead(2, Findings(("bleed",)), {"note": BranchSizes("text", 1)}, slices=Component(type="max"))


def test_the_options_of_a_pooling_are_written_out():
    resolved = HEADS.resolve(Component(type="study", slices="top_k"))
    assert resolved.options["slices"] == {"type": "top_k", "share": 0.2, "count": None}
    assert HEADS.resolve(resolved) == resolved
    assert HEADS.resolve(Component(type="study")).options["slices"] is None
