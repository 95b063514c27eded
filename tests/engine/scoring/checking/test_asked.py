"""The answer to a study with other images or fewer items, against that of the whole model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from parts import IMAGES, batch_of, config_of, model_of, sample

from mmdx.batch import Batch
from mmdx.engine.scoring.checking.asked import Explained
from mmdx.models.model import MultimodalModel


def asked(*, slices: bool = False) -> tuple[MultimodalModel, Batch, Explained]:
    image = {**IMAGES, "sequence": {"type": "attention"}}
    heads = {"study": "study", "slice": "slice"} if slices else {"study": "study"}
    model, batch = model_of(config_of(image=image, heads=heads)).eval(), batch_of([sample(1, images=4, words=5)])
    with torch.no_grad():
        output = model(batch)
    return model, batch, Explained.of(model, batch, output, "image", 1)


def told(model: MultimodalModel, batch: Batch, row: int, head: str) -> float:
    with torch.no_grad():
        logits = model(batch).logits[head]
    return float(model.answering[head].probabilities(logits)[row, 1])


@pytest.mark.parametrize("slices", [False, True])
def test_its_own_images_give_its_own_answer(slices: bool):
    model, batch, explained = asked(slices=slices)
    head = "slice" if slices else "study"
    assert explained.images == ((explained.row,) if slices else (0, 1, 2, 3))
    assert explained.reads == (["image"] if slices else ["image", "report"])
    assert explained.score(explained.seen()) == pytest.approx(told(model, batch, explained.row, head), abs=1e-6)
    other = replace(batch.inputs["image"], values=torch.zeros_like(batch.inputs["image"].values))
    dark = replace(batch, inputs={**batch.inputs, "image": other})
    if slices:  # pixels of the image that is explained change alone
        values = batch.inputs["image"].values.clone()
        values[explained.row] = 0
        dark = replace(batch, inputs={**batch.inputs, "image": replace(other, values=values)})
    seen = explained.branch.images(other)[list(explained.images)]
    assert explained.score(seen) == pytest.approx(told(model, dark, explained.row, head), abs=1e-6)
    assert torch.sigmoid(explained.logit(seen)).item() == pytest.approx(explained.score(seen), abs=1e-6)


def test_without_some_items_it_is_the_answer_to_a_study_that_never_had_them():
    model, batch, explained = asked()
    words = batch.inputs["report"]
    kept = [0, 2, 4]
    fewer = replace(words, values=words.values[kept], lengths=torch.tensor([3]), places=words.places[kept])
    expected = told(model, replace(batch, inputs={**batch.inputs, "report": fewer}), 0, "study")
    assert explained.score_without("report", torch.tensor([1, 3])) == pytest.approx(expected, abs=1e-6)
    images = batch.inputs["image"]
    fewer = replace(images, values=images.values[1:], lengths=torch.tensor([3]), places=images.places[1:])
    expected = told(model, replace(batch, inputs={**batch.inputs, "image": fewer}), 0, "study")
    assert explained.score_without("image", torch.tensor([0])) == pytest.approx(expected, abs=1e-6)


def test_the_image_that_is_explained_stays_and_something_does():
    _, _, explained = asked(slices=True)
    with pytest.raises(ValueError, match="the image that is explained is left out"):
        explained.score_without("image", torch.tensor([explained.row]))
    with pytest.raises(ValueError, match="no item is left"):
        explained.score_without("report", torch.arange(5))
    others = [image for image in range(4) if image != explained.row]
    assert 0 < explained.score_without("image", torch.tensor(others[:1])) < 1
