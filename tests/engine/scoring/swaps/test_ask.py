"""Pairs, subsets and reworded texts of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from scipy.special import logit

from mmdx.data.counting import uncounted
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.scoring.swaps import ask
from mmdx.engine.scoring.swaps.ask import Asked, subsets
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.stats.sections.inputs.additive import additive


@pytest.fixture(scope="module")
def asked(run_of_two: Path) -> Asked:
    saved, store = load_model(RunLayout(run_of_two).best), Store(run_of_two.parent / "store")
    return Asked.of(saved, [store], store.splits.rows("test"), Accelerator(cpu=True))


def test_pairs_of_a_late_fusion_are_a_sum_and_its_diagonal_the_own_answer(asked: Asked):
    pairs, own = asked.pairs("report", uncounted)[:, :, 0], asked.shown(["image", "report"])[:, 0]
    assert pairs.diagonal() == pytest.approx(own, abs=1e-5)
    assert np.ptp(pairs, axis=1).min() > 0.1
    assert additive(pairs.astype(float)) == pytest.approx(own, abs=1e-5)
    scores = 1 / (1 + np.exp(-additive(pairs.astype(float))))
    assert scores == pytest.approx(1 / (1 + np.exp(-own.astype(float))), abs=1e-6)


def test_a_pair_is_the_answer_to_a_study_with_that_report(asked: Asked):
    """Against the study whose features were exchanged by hand, some pairs at a time."""
    first, second = torch.tensor([0]), torch.tensor([5])
    encoded = asked.encoded[0]
    mixed = encoded.at(first).lending("report", encoded.at(second))
    alone = replace(asked, encoded=[mixed], rows=asked.rows[:1])
    assert asked.pairs("report", uncounted)[0, 5] == pytest.approx(alone.shown(["image", "report"])[0], abs=1e-5)


def test_how_many_pairs_pass_at_once_does_not_matter(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    whole = asked.pairs("image", uncounted)
    monkeypatch.setattr(ask, "PAIRS_AT_ONCE", 5)
    assert asked.pairs("image", uncounted) == pytest.approx(whole, abs=1e-5)


def test_the_same_words_give_the_same_answers_and_others_do_not(asked: Asked):
    own = asked.shown(["image", "report"])
    assert asked.reworded("report", lambda text: text) == pytest.approx(own, abs=1e-5)
    other = asked.reworded("report", lambda text: text.replace("Fell down the stairs", "Did not fall"))
    assert np.abs(other - own).max() > 0.1


def test_an_ensemble_answers_by_the_mean_of_its_members(asked: Asked):
    twice = replace(asked.saved, others=(replace(asked.saved, others=()),))
    both = Asked.of(twice, [*asked.stores, *asked.stores], asked.rows, asked.accelerator)
    assert both.shown(["image"]) == pytest.approx(asked.shown(["image"]), abs=1e-5)


def test_classes_of_a_group_are_held_against_their_others(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "lone_head", lambda saved, level: ("study", [[0, 1, 2]]))
    logits = torch.tensor([[1.0, 0.5, -2.0]])
    monkeypatch.setattr(ask, "mean_logits", lambda heads, parts: parts[0])
    chances = logits.softmax(dim=1)
    assert asked._answer([logits])[0] == pytest.approx(logit(chances[0].numpy()), abs=1e-5)


def test_a_model_without_a_head_for_studies_is_refused(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "lone_head", lambda saved, level: None)
    with pytest.raises(UsageError, match="does not answer for studies by one head"):
        Asked.of(asked.saved, asked.stores, asked.rows, asked.accelerator)


def test_every_set_of_inputs_but_none():
    assert subsets(["a", "b", "c"]) == [
        *[("a",), ("b",), ("c",)],
        *[("a", "b"), ("a", "c"), ("b", "c")],
        ("a", "b", "c"),
    ]
