"""The branch of text: each encoder gets the facts that it asks for, and pooled vectors meet at the model's width."""

from __future__ import annotations

import pytest
import torch
from parts import config_of

from mmdx.batch import Packed
from mmdx.engine.assembly.resolve import resolve
from mmdx.models.branches.text import TextBranch
from mmdx.models.facts import InputFacts
from mmdx.models.text.bag import BagAndSequence
from mmdx.models.text.words import BiLstmAttention, TfIdf
from mmdx.study import Terms

RARITIES = (0.0, 0.0, 1.0, 2.0)
FACTS = InputFacts("text", vocabulary=4, idf=RARITIES, terms=Terms(RARITIES, ((2, 3),), (3.0,)))


def branch_of(encoder: str) -> TextBranch:
    torch.manual_seed(0)
    section = resolve(config_of(report=encoder)).model.inputs["report"]
    branch, _ = TextBranch.build(section, FACTS, dim=3, where="model.inputs.report")
    assert isinstance(branch, TextBranch)
    return branch.eval()


def test_only_an_encoder_that_asks_for_rarities_gets_them() -> None:
    rare = branch_of("tfidf").encoder
    assert isinstance(rare, TfIdf)
    assert rare.idf.tolist() == [0.0, 0.0, 1.0, 2.0]
    assert isinstance(branch_of("bilstm_attention").encoder, BiLstmAttention)
    both = branch_of("bag_and_sequence").encoder
    assert isinstance(both, BagAndSequence)
    assert both.bag.rarities.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]
    assert both.select.matrix.shape == (5, 256)


@pytest.mark.parametrize("encoder", ["bilstm_attention", "tfidf", "bag_and_sequence"])
def test_reports_have_one_item_per_word_and_one_vector_per_study(encoder: str) -> None:
    branch = branch_of(encoder)
    features = branch(Packed(torch.tensor([2, 3, 2]), torch.tensor([2, 0, 1])))
    assert features.mask.tolist() == [[True, True], [False, False], [True, False]]
    assert features.items.shape == (3, 2, branch.sizes.items)
    assert features.pooled.shape == (3, 3)
    assert features.pooled.isfinite().all()
