"""What a study head adds of single slices."""

from __future__ import annotations

import pytest
import torch
from parts import batch_of, config_of, model_of, sample

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.study import StudyHead

BLEND = {"study": {"type": "study", "blend": True}, "slice": "slice"}


def test_the_largest_answer_over_the_items_is_added():
    head = StudyHead(
        2, Findings(("bleed",)), {"ct": BranchSizes("images", 1), "note": BranchSizes("text", 1)}, blend=True
    )
    for parameter in head.parameters():
        parameter.data.fill_(0.0)
    head.own["ct"].weight.data.fill_(2.0)
    items = torch.tensor([[[1.0], [3.0], [9.0]], [[-4.0], [5.0], [5.0]], [[7.0], [7.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    seen = Features(items=items, mask=mask, pooled=torch.zeros(3, 2))
    assert list(head.own) == ["ct"]
    # Twice the largest real item; nothing of what is padded, and nothing for a study without slices.
    answer = head({"ct": seen, "note": seen}, torch.zeros(3, 2), batch_of([sample(0, images=1, words=1)]))
    assert answer[:, 0].tolist() == [6.0, -8.0, 0.0]


def test_a_modality_that_is_withheld_is_not_looked_at_by_a_study_head():
    """Modality dropout takes the images from the fusion and from what the study head adds, not from the slice head."""
    model = model_of(config_of(heads=BLEND, modality_dropout={"image": 0.999}))
    batch = batch_of([sample(0, images=3, words=4), sample(1, images=2, words=5)])
    torch.manual_seed(0)
    withheld = model.train()(batch)
    assert withheld.present.tolist() == [[False, True], [False, True]]
    withheld.logits["study"].sum().backward()
    assert model.heads["study"].own["image"].weight.grad.abs().sum() == 0
    assert withheld.logits["slice"].shape == (5, 2)


def test_every_layer_learns_where_images_are_shown():
    model = model_of(config_of(heads=BLEND))
    batch = batch_of([sample(0, images=3, words=4), sample(1, images=2, words=5)])
    model(batch).logits["study"].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.heads["study"].parameters())


def test_a_study_without_images_is_answered_finitely_and_alike_in_any_batch():
    model = model_of(config_of(heads=BLEND)).eval()
    samples = [sample(0, images=3, words=4), sample(1, images=0, words=5)]
    together, alone = model(batch_of(samples)).logits["study"], model(batch_of(samples[1:])).logits["study"]
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-5)


def test_nothing_to_blend_is_refused():
    with pytest.raises(UsageError, match="blend looks at images or descriptors, and the model has neither"):
        StudyHead(2, Findings(("bleed",)), {"note": BranchSizes("text", 1)}, blend=True)
