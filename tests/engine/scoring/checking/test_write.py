"""What is checked of a study, and of which studies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import IMAGES, batch_of, config_of, model_of, sample

from mmdx.batch import Boxes
from mmdx.engine.scoring.checking import write
from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.checking.heat import dealt_anew
from mmdx.engine.scoring.checking.write import write_explanations
from mmdx.errors import UsageError


def checked(*, boxes: bool) -> list[write.Row]:
    image = {**IMAGES, "sequence": {"type": "attention"}}
    model = model_of(config_of(image=image, heads={"study": "study"})).eval()
    batch = batch_of([sample(1, images=4, words=6)])
    batch = replace(batch, boxes={})
    if boxes:
        box = Boxes(torch.tensor([[4.0, 4.0, 12.0, 12.0]]), torch.tensor([2]), torch.tensor([0]))
        batch = replace(batch, boxes={"image": box})
    labels = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    batch = replace(batch, slice_labels={"image": labels})
    with torch.no_grad():
        output = model(batch)
    chance = torch.Generator().manual_seed(0)
    asked = Explained.of(model, batch, output, "image", 0)
    return list(write._checked(asked, "bleed", dealt_anew(model, chance), chance))


def test_every_measure_stands_beside_what_chance_gives():
    rows = checked(boxes=True)
    kinds = {(row[3], row[4]) for row in rows}
    methods, measures = ("Grad-CAM", "integrated gradients"), ("deletion", "insertion", "hit")
    heats = {(name, measure) for name in methods for measure in measures}
    weights = {("weights of image", "hit"), ("weights of image", "removal"), ("weights of report", "removal")}
    assert kinds - {("Grad-CAM", "randomised")} == heats | weights
    assert all(0 <= row[5] <= 1 and 0 <= row[6] <= 1 for row in rows)
    chances = {row[3:5]: row[6] for row in rows}
    assert chances["Grad-CAM", "hit"] == pytest.approx(64 / (4 * 32 * 32))
    assert chances["weights of image", "hit"] == 0.25
    assert {row[2] for row in rows} == {"bleed"}


def test_without_boxes_there_are_no_hits_of_pixels():
    assert {row[3] for row in checked(boxes=False) if row[4] == "hit"} == {"weights of image"}


def test_the_first_studies_with_each_finding_are_looked_at():
    labels = np.array([[1, 0], [1, 1], [0, np.nan], [1, 0], [0, 1]])
    found = write._chosen(labels, [0, 1, 2, 4], 40, 0)
    assert {row: sorted(columns) for row, columns in found.items()} == {0: [0], 1: [0, 1], 4: [1]}
    one = write._chosen(labels, [0, 1, 2, 4], 1, 0)
    assert sorted(column for columns in one.values() for column in columns) == [0, 1]
    assert write._chosen(labels, [2], 1, 0) == {}


def test_a_run_that_reads_no_images_is_refused(run_of_two: Path):
    with pytest.raises(UsageError, match="reads no images, and explanations are heat over images"):
        write_explanations(run_of_two)
