"""One study as a function of tensors answers as the model does, whatever parts it is of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lone_models import by_hand, lone_model, stack_of

from mmdx.engine.export.feeds import feed_of, feeds_of
from mmdx.engine.export.lone import LOGITS, LoneStudy
from mmdx.engine.export.parity import random_studies
from mmdx.engine.inference.study import read_study
from mmdx.models.packing import one_study
from mmdx.models.sequence import stepwise

BILSTM = {"type": "bilstm_attention", "embedding": 4, "hidden": 4}
SLICES = {"study": {"type": "study", "slices": "noisy_or"}, "slice": {"type": "slice", "blend": True}}
PARTS = {
    "lstm": {"image": {"sequence": {"type": "lstm", "hidden": 4}}, "report": BILSTM},
    "gru both ways": {"image": {"sequence": {"type": "gru", "hidden": 4, "bidirectional": True, "answer": "max"}}},
    "attention": {"image": {"sequence": {"type": "attention", "heads": 2}}, "report": BILSTM | {"window": 8}},
    "transformer": {
        "image": {"sequence": {"type": "transformer", "hidden": 8, "heads": 2}},
        "report": {"type": "tfidf"},
        "fusion": {"type": "cross_attention", "heads": 2},
    },
    "mean": {"image": {"sequence": "mean", "neighbours": 1}, "heads": SLICES},
    "max": {
        "image": {"sequence": "max"},
        "report": {"type": "bag_and_sequence", "rank": 4, "embedding": 4, "hidden": 4, "window": 8},
        "fusion": {"type": "bottleneck", "heads": 2},
    },
    "adjacent": {"image": {"sequence": "adjacent"}, "report": {"type": "tfidf"}, "fusion": "late", "heads": SLICES},
    "gated": {"image": {"sequence": "mean"}, "report": {"type": "tfidf"}, "fusion": "gated"},
    "film": {"image": {"sequence": "mean"}, "report": {"type": "tfidf"}, "fusion": "film"},
    "low rank": {"image": {"sequence": "mean"}, "report": {"type": "tfidf"}, "fusion": "low_rank"},
    "top k": {"image": {"sequence": "mean"}, "heads": {"study": {"type": "study", "slices": "top_k"}}},
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("stacked", [False, True])
def test_parts_answer_as_in_a_batch(parts, stacked, monkeypatch):
    monkeypatch.setattr(stepwise, "scan", by_hand)
    saved = lone_model(**parts)
    if stacked and "report" not in parts:
        pytest.skip("this stack is of reports")
    saved.model.stack = stack_of(saved) if stacked else None
    feeds = feeds_of(saved, list(saved.facts.inputs))
    lone = LoneStudy(saved, feeds).eval()
    for study in random_studies(saved, feeds):
        batch = read_study(saved, study).batch
        with torch.no_grad():
            output = saved.model(batch)
            with one_study():
                said = dict(zip(lone.outputs, lone(*feed_of(batch, feeds).values()), strict=True))
        for name, head in saved.model.answering.items():
            logits = output.logits[name]
            if head.level == "slice" and not len(logits):
                continue
            np.testing.assert_allclose(said[f"{name}{LOGITS}"], logits, atol=1e-5)
            np.testing.assert_allclose(said[name], head.probabilities(logits), atol=1e-6)


def test_what_is_not_fed_is_absent():
    saved = lone_model(**PARTS["gated"])
    feeds = feeds_of(saved, ["image"])
    assert [feed.name for feed in feeds] == ["image", "image.places"]
    study = next(random_studies(saved, feeds))
    assert set(study.modalities) == {"image"}
    batch = read_study(saved, study).batch
    with torch.no_grad(), one_study():
        said = LoneStudy(saved, feeds).eval()(*feed_of(batch, feeds).values())
    np.testing.assert_allclose(said[1], saved.model(batch).logits["study"].detach(), atol=1e-6)
