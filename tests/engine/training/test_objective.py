"""What training minimises, against numbers that a person can work out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from parts import config_of, mixed_batch, model_of

from mmdx.engine.training.objective import answers_to, distilled, objective, soft_loss
from mmdx.models.heads.base import Findings
from mmdx.models.heads.study import StudyHead

HEAD = StudyHead(4, Findings(("a",)), {})


def test_soft_loss_by_hand():
    """A teacher that says 1/2 (logit 0) costs log 2 of a student that says 1/2, times the square of the temperature."""
    loss = soft_loss(HEAD, torch.zeros(3, 1), torch.zeros(3, 1), 2.0)
    assert loss.item() == pytest.approx(4 * math.log(2))


def test_temperature_softens_both():
    """At temperature 2, logits 2 log 3 become log 3, a chance of 3/4: the entropy of (3/4, 1/4), times 4."""
    logits = torch.full((1, 1), 2 * math.log(3))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert soft_loss(HEAD, logits, logits, 2.0).item() == pytest.approx(4 * entropy, rel=1e-5)


def test_studies_without_an_answer_count_for_nothing():
    answers = torch.tensor([[0.0], [torch.nan]])
    far = torch.tensor([[0.0], [100.0]], requires_grad=True)
    loss = soft_loss(HEAD, far, answers, 1.0)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert far.grad is not None
    assert far.grad[1].item() == 0
    assert soft_loss(HEAD, far, torch.full((2, 1), torch.nan), 1.0).item() == 0


def test_answers_follow_the_studies_of_the_batch():
    batch = mixed_batch()
    found = answers_to(batch, {"s1": torch.tensor([1.0, 2.0]), "s3": torch.tensor([3.0, 4.0])})
    assert found[1].tolist() == [1.0, 2.0]
    assert found[3].tolist() == [3.0, 4.0]
    assert found[[0, 2, 4]].isnan().all()


def test_the_share_weighs_labels_and_answers():
    model, batch = model_of(config_of()).eval(), mixed_batch()
    output = model(batch)
    answers = {f"s{i}": torch.tensor([1.0, -1.0]) for i in range(5)}
    hard = objective(model, output, batch)["loss"]
    for share in (0.25, 1.0):
        parts = distilled({"study": answers}, temperature=3.0, share=share)(model, output, batch)
        expected = (1 - share) * hard + share * parts["distilled"]
        torch.testing.assert_close(parts["loss"], expected)


def test_answers_to_each_modality_alone_count_by_their_weight_over_the_studies_that_have_it():
    model, batch = model_of(config_of(alone=0.25)).train(), mixed_batch()
    output = model(batch)
    parts = objective(model, output, batch)
    head = model.answering["study"]
    losses = []
    for modality, logits in output.alone.items():
        having = batch.present(modality)
        known = head.loss(logits["study"][having], replace(batch, labels=batch.labels[having]))
        losses.append(known)
    expected = sum(losses) / len(losses)
    torch.testing.assert_close(parts["alone"], expected)
    others = parts["study"] * head.weight + parts["slice"] * model.answering["slice"].weight
    torch.testing.assert_close(parts["loss"], others + 0.25 * expected)
