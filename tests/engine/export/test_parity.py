"""The difference between an exported model and mmdx is measured on what both say."""

from __future__ import annotations

import pytest
import torch
from lone_models import lone_model

from mmdx.engine.export.feeds import feeds_of
from mmdx.engine.export.lone import LoneStudy
from mmdx.engine.export.parity import LENGTHS, largest_difference, random_studies
from mmdx.models.packing import one_study


@pytest.fixture(scope="module")
def saved():
    heads = {"study": "study", "slice": "slice"}
    return lone_model({"sequence": "mean"}, {"type": "tfidf"}, heads=heads)


def answering(saved, feeds, wrong=0.0):
    """What a graph would say, of which the first probability is `wrong`."""
    lone = LoneStudy(saved, feeds).eval()

    def answered(fed):
        with torch.no_grad(), one_study():
            said = [tensor.numpy().copy() for tensor in lone(*(torch.from_numpy(fed[feed.name]) for feed in feeds))]
        said[0][0, 0] += wrong
        return dict(zip(lone.outputs, said, strict=True))

    return answered


def test_studies_are_of_all_lengths_and_of_each_input_alone(saved):
    studies = list(random_studies(saved, feeds_of(saved, list(saved.facts.inputs))))
    images = [study.modalities.get("image") for study in studies]
    assert [len(one.pixels) for one in images if one is not None] == [*LENGTHS, LENGTHS[1]]
    assert [set(study.modalities) for study in studies[4:]] == [{"image"}, {"report"}, set()]
    assert [*studies[-1].traits] == ["age", "site"]


def test_what_differs_is_found(saved):
    feeds = feeds_of(saved, list(saved.facts.inputs))
    assert largest_difference(saved, feeds, answering(saved, feeds)) < 1e-6
    assert largest_difference(saved, feeds, answering(saved, feeds, 0.01)) == pytest.approx(0.01, abs=1e-5)
