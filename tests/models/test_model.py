"""What the assembled model does: heads by level, blank items, boxes that move, and what may be trained."""

from __future__ import annotations

import pytest
import torch
from parts import batch_of, config_of, model_of, sample
from torch import nn

from mmdx.batch import Batch, Boxes, Features, Packed
from mmdx.models.model import encode, frozen_statistics, moved_boxes, trainable
from mmdx.models.stack.stack import Stack, Weighting

BOX_HEAD = {"type": "boxes", "levels": 1, "hidden": 8}


def test_heads_are_asked_for_by_what_they_answer_about() -> None:
    model = model_of(config_of(heads={"patient": "study", "places": BOX_HEAD, "image_by_image": "slice"}))
    assert list(model.heads_of("study")) == ["patient"]
    assert list(model.heads_of("slice")) == ["image_by_image"]
    assert model.heads_of("box") == {"places": model.heads["places"]}
    assert model.heads_of("text") == {}


def test_slice_heads_are_those_of_one_modality_where_it_is_named() -> None:
    model = model_of(config_of())
    assert list(model.heads_of("slice", modality="image")) == ["slice"]
    assert model.heads_of("slice", modality="report") == {}


def test_a_head_reads_as_many_maps_as_it_says() -> None:
    assert model_of(config_of()).maps == {"image": 0, "report": 0}
    assert model_of(config_of(heads={"study": "study", "places": BOX_HEAD})).maps == {"image": 1, "report": 0}


class Normed(nn.Module):
    """A branch that norms its items over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1)

    def forward(self, packed: Packed) -> Features:
        items = self.norm(packed.values).unsqueeze(1)
        return Features(items=items, mask=packed.lengths[: len(items), None] > 0, pooled=items[:, 0])


class Doubled(nn.Module):
    """A branch that doubles its items."""

    def forward(self, packed: Packed) -> Features:
        items = 2 * packed.values.unsqueeze(1) + 1
        return Features(items=items, mask=packed.lengths[: len(items), None] > 0, pooled=items[:, 0])


def test_a_batch_without_the_modality_runs_on_one_blank_item() -> None:
    features = encode(Doubled(), Packed(torch.zeros(0, 2), torch.tensor([0, 0])))
    assert features.items.tolist() == [[[1.0, 1.0]]]


def test_a_lone_item_passes_batch_norms_that_know_no_other() -> None:
    branch = Normed().train()
    features = encode(branch, Packed(torch.tensor([[8.0]]), torch.tensor([1])))
    # By the statistics that the norm has, 0 and 1, which stay.
    assert features.items.item() == pytest.approx(8.0, abs=1e-4)
    assert branch.norm.running_mean.tolist() == [0.0]
    assert branch.norm.training
    encode(branch, Packed(torch.tensor([[8.0], [2.0]]), torch.tensor([1, 1])))
    assert branch.norm.running_mean.tolist() == pytest.approx([0.5])


def test_a_blank_item_leaves_no_trace_in_batch_norms() -> None:
    network = nn.Sequential(nn.BatchNorm1d(1), nn.BatchNorm1d(1)).train()
    network[1].eval()
    with frozen_statistics(network):
        assert not network[0].training
        network(torch.tensor([[8.0], [2.0]]))
    assert network[0].running_mean.tolist() == [0.0]
    assert [norm.training for norm in network] == [True, False]


def test_boxes_move_with_their_images() -> None:
    boxes = Boxes(torch.tensor([[0.0, 0.0, 2.0, 4.0]]), torch.tensor([0]), torch.tensor([0]))
    packed = Packed(torch.zeros(1, 1, 8, 8), torch.tensor([1]))
    batch = Batch(["a"], ["p"], {"ct": packed}, torch.zeros(1, 1), {}, boxes={"ct": boxes})
    items = torch.zeros(1, 1, 2)
    mirror = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    still = Features(items=items, mask=torch.ones(1, 1, dtype=torch.bool), pooled=items[:, 0])
    turned = Features(items=items, mask=still.mask, pooled=still.pooled, moves=mirror)
    assert moved_boxes(batch, {"ct": still})["ct"] is boxes
    assert moved_boxes(batch, {"ct": turned})["ct"].corners.tolist() == [[6.0, 0.0, 8.0, 4.0]]
    assert batch.boxes["ct"] is boxes


def test_only_what_is_not_frozen_may_be_trained() -> None:
    network = nn.Linear(2, 1)
    network.bias.requires_grad_(False)
    assert [name for name, _ in trainable(network)] == ["weight"]


@pytest.mark.parametrize("training", [False, True])
def test_without_dropout_of_modalities_a_study_is_shown_what_it_has(training: bool) -> None:
    model = model_of(config_of()).train(training)
    output = model(batch_of([sample(0, images=2, words=3)]))
    assert output.present.tolist() == [[True, True]]


def test_each_modality_alone_is_answered_as_if_the_others_were_withheld() -> None:
    model = model_of(config_of(alone=0.5)).train()
    torch.manual_seed(0)
    output = model(batch_of([sample(0, images=2, words=3), sample(1, images=1, words=0)]))
    assert {name: list(heads) for name, heads in output.alone.items()} == {"image": ["study"], "report": ["study"]}
    model.eval()
    whole = model(batch_of([sample(0, images=2, words=3)]))
    assert whole.alone == {}
    assert model_of(config_of()).train()(batch_of([sample(0, images=2, words=3)])).alone == {}


def test_what_is_said_to_the_image_alone_is_what_a_study_without_a_report_is_told() -> None:
    model = model_of(config_of()).eval()
    both, lone = batch_of([sample(0, images=2, words=3)]), batch_of([sample(0, images=2, words=0)])
    encoded = {name: encode(branch, both.inputs[name]) for name, branch in model.branches.items()}
    said = model.study_logits("study", encoded, torch.tensor([[True, False]]), both)
    torch.testing.assert_close(said, model(lone).logits["study"])


def test_a_stack_has_the_last_word_in_evaluation_alone() -> None:
    model, batch = model_of(config_of()).eval(), batch_of([sample(0, images=2, words=3)])
    plain = model(batch).logits["study"]
    weight = Weighting(("image", "report"), ("network",), torch.full((1, 2), 2.0), torch.ones(2))
    model.stack = Stack("study", ("image", "report"), {}, [weight])
    torch.testing.assert_close(model(batch).logits["study"], 2 * plain + 1)
    torch.testing.assert_close(model(batch).unstacked["study"], plain)
    assert model.state_dict().keys() == model_of(config_of()).state_dict().keys()


def test_modulation_changes_what_is_learned_and_nothing_that_is_said() -> None:
    batch = batch_of([sample(index, images=2, words=3) for index in range(4)])
    plain, held = (model_of(config_of(modulate=value)).eval() for value in (0.0, 5.0))
    plain.training = held.training = True  # the models train, and none of their dropouts draws
    first, second = plain(batch), held(batch)
    torch.testing.assert_close(first.fused.detach(), second.fused.detach())
    first.fused.square().sum().backward()
    second.fused.square().sum().backward()
    moved = {
        name: float(part.grad.abs().sum() / other.grad.abs().sum())
        for name in ("image", "report")
        if (part := next(held.branches[name].project.parameters())).grad is not None
        and (other := next(plain.branches[name].project.parameters())).grad is not None
    }
    assert min(moved.values()) < 0.999
    assert max(moved.values()) == pytest.approx(1.0)
