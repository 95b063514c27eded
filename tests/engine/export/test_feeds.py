"""The tensors that an exported model is fed, and what stands for an absent input."""

from __future__ import annotations

import numpy as np
import torch
from lone_models import lone_model

from mmdx.engine.export.feeds import blanks_of, feed_of, feeds_of
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.study import read_study

SAVED = {"report": {"type": "tfidf"}, "image": {"sequence": "mean"}}


def test_each_input_is_a_tensor_of_any_number_of_items():
    saved = lone_model(**SAVED)
    feeds = feeds_of(saved, ["image", "report", "clinic"])
    assert [(feed.name, feed.shape) for feed in feeds] == [
        ("present", [3]),
        ("image", ["image_items", 1, 16, 16]),
        ("image.places", ["image_items"]),
        ("report", ["report_items"]),
        ("clinic", [1, 2]),
    ]
    assert feeds[1].example(3).shape == (3, 1, 16, 16)
    assert [feed.name for feed in feeds_of(saved, ["report"])] == ["report"]
    assert [value.dtype for value in blanks_of(saved).values()] == [torch.uint8, torch.int64, torch.float32]


def test_a_study_is_fed_and_its_lacks_are_blanks():
    saved = lone_model(**SAVED)
    feeds = feeds_of(saved, ["image", "report", "clinic"])
    study = ArrayStudy({"image": ImageArrays(np.full((2, 16, 16), 7, np.uint8))}, traits={"age": 60.0})
    fed = feed_of(read_study(saved, study).batch, feeds)
    assert fed["present"].tolist() == [True, False, True]
    assert fed["image"].shape == (2, 1, 16, 16)
    assert fed["image.places"].isnan().all()
    assert fed["report"].tolist() == [0]
    assert fed["clinic"][0, 0] == 60.0
