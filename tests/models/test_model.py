"""What the assembled model does: heads by level, blank items, boxes that move, and what may be trained."""

from __future__ import annotations

import pytest
import torch
from parts import batch_of, config_of, model_of, sample
from torch import nn

from mmdx.batch import Batch, Boxes, Features, Packed
from mmdx.models.model import encode, frozen_statistics, moved_boxes, trainable

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


class Doubled(nn.Module):
    """A branch that doubles its items."""

    def forward(self, packed: Packed) -> Features:
        items = 2 * packed.values.unsqueeze(1) + 1
        return Features(items=items, mask=packed.lengths[: len(items), None] > 0, pooled=items[:, 0])


def test_a_batch_without_the_modality_runs_on_one_blank_item() -> None:
    features = encode(Doubled(), Packed(torch.zeros(0, 2), torch.tensor([0, 0])))
    assert features.items.tolist() == [[[1.0, 1.0]]]


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
