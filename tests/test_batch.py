"""A batch says who has a modality, and moves as a whole."""

from __future__ import annotations

import torch

from mmdx.batch import Batch, Boxes, Packed


def test_a_batch_says_who_has_a_modality_and_moves_as_a_whole() -> None:
    images = Packed(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([3, 0]), torch.tensor([0.0, 5.0, 10.0]))
    text = Packed(torch.tensor([4, 5]), torch.tensor([1, 1]))
    boxes = Boxes(torch.zeros(1, 4), torch.tensor([2]), torch.tensor([0]))
    labels = torch.tensor([[1.0], [0.0]])
    batch = Batch(
        ["a", "b"],
        ["p", "q"],
        {"ct": images, "report": text},
        labels,
        {"ct": torch.zeros(3, 1)},
        {"ct": boxes},
        {"ct": torch.arange(3)},
        {"report": text},
    )
    assert batch.present("ct").tolist() == [True, False]
    assert batch.present("report").tolist() == [True, True]
    moved = batch.to("meta")
    tensors = [moved.labels, moved.inputs["ct"].places, moved.boxes["ct"].images, moved.targets["report"].values]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert moved.inputs["report"].places is None
    assert moved.study_ids == ["a", "b"]
