"""Objectives on latents, against numbers that a person can work out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from parts import config_of, mixed_batch, model_of

from mmdx.engine.training.latents import contrastive, latents_of, relational, shared
from mmdx.engine.training.objective import objective


def outputs(fused: torch.Tensor | None = None):
    model, batch = model_of(config_of()).eval(), mixed_batch()
    output = model(batch)
    return model, batch, output if fused is None else replace(output, fused=fused)


def test_latents_follow_the_studies_of_the_batch():
    latents, known = latents_of(mixed_batch(), {"s3": torch.tensor([3.0, 4.0]), "s1": torch.tensor([1.0, 2.0])})
    assert known.tolist() == [False, True, False, True, False]
    assert latents[known].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert not latents[~known].any()


def test_relations_are_those_of_the_teacher_whatever_its_scale():
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0], [9.0, 9.0]])
    model, batch, output = outputs(corners)
    same = {f"s{i}": 7 * corners[i] + 1 for i in range(5)}
    assert relational(same, weight=1.0)(model, output, batch)["relational"].item() == pytest.approx(0, abs=1e-6)
    # Of three known studies, distances 3, 4, 5 (over their mean 4) against equal ones: gaps of 1/4, 0 and 1/4.
    equal = {"s0": torch.tensor([0.0, 0.0]), "s1": torch.tensor([2.0, 0.0]), "s2": torch.tensor([1.0, math.sqrt(3)])}
    parts = relational(equal, weight=2.0)(model, output, batch)
    assert parts["relational"].item() == pytest.approx((2 * 0.5 * 0.25**2) / 3, rel=1e-4)
    torch.testing.assert_close(parts["loss"], objective(model, output, batch)["loss"] + 2 * parts["relational"])


def test_two_studies_have_no_relations():
    model, batch, output = outputs()
    two = {f"s{i}": torch.randn(output.fused.shape[1]) for i in range(2)}
    assert relational(two, weight=1.0)(model, output, batch)["relational"].item() == 0


def test_a_contrast_is_lost_by_a_latent_that_lies_with_another_study():
    ends = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    teacher = {"s0": ends[0], "s1": ends[1]}
    right, wrong = torch.zeros(5, 2), torch.zeros(5, 2)
    right[:2], wrong[:2] = ends, -ends
    model, batch, output = outputs(right)
    assert contrastive(teacher, weight=1.0)(model, output, batch)["contrastive"].item() == pytest.approx(0, abs=1e-4)
    output = replace(output, fused=wrong)
    # Cosines of -1 and 1 at temperature 0.1.
    assert contrastive(teacher, weight=1.0)(model, output, batch)["contrastive"].item() == pytest.approx(20, rel=1e-4)


def test_a_batch_that_the_teacher_does_not_know_learns_from_labels_alone():
    model, batch, output = outputs()
    teacher = {"else": torch.randn(output.fused.shape[1]), "more": torch.randn(output.fused.shape[1])}
    for made in (relational, contrastive):
        torch.testing.assert_close(
            made(teacher, weight=1.0)(model, output, batch)["loss"], objective(model, output, batch)["loss"]
        )


def test_a_shared_latent_counts_studies_with_both_and_moves_the_inferior_alone():
    model, batch, output = outputs()
    strong, weak = (output.features[name].pooled.detach().clone().requires_grad_() for name in ("report", "image"))
    features = {
        "report": replace(output.features["report"], pooled=strong),
        "image": replace(output.features["image"], pooled=weak),
    }
    output = replace(output, features={**output.features, **features})
    loss = shared(["report"], ["image"], weight=1.0)(model, output, batch)["shared"]
    loss.backward()
    columns = list(model.branches)
    both = output.present[:, columns.index("report")] & output.present[:, columns.index("image")]
    assert 0 < int(both.sum()) < len(both)
    assert strong.grad is None
    assert weak.grad is not None
    assert (weak.grad.abs().sum(dim=1) > 0).tolist() == both.tolist()


def test_equal_directions_are_one_latent():
    model, batch, output = outputs()
    pooled = torch.randn_like(output.features["image"].pooled)
    same = {name: replace(f, pooled=pooled * (5 if name == "image" else 1)) for name, f in output.features.items()}
    made = shared(["report"], ["image"], weight=1.0)(model, replace(output, features=same), batch)
    assert made["shared"].item() == pytest.approx(0, abs=1e-4)
