"""A model of two texts: each text of a study goes to its own input."""

from __future__ import annotations

import numpy as np
import pytest
from texts import TEXTS, model_of

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.study import read_study
from mmdx.study import Study


def tokens(saved: SavedModel, study: Study, **reports: str) -> dict[str, list[int]]:
    """What each input of the model is shown of a study."""
    batch = read_study(saved, study, reports=reports).batch
    return {name: batch.inputs[name].values.tolist() for name in saved.facts.inputs if bool(batch.present(name)[0])}


def by_hand(saved: SavedModel, **texts: str) -> dict[str, list[int]]:
    return {name: np.asarray(saved.tokenizers[name](text)).tolist() for name, text in texts.items()}


@pytest.mark.parametrize("names", [("history", "findings"), ("findings",), ("history",)])
def test_each_text_goes_to_its_own_input(names):
    saved = model_of("history", "findings")
    texts = {name: TEXTS[name] for name in names}
    assert tokens(saved, Study("s", "p", texts)) == by_hand(saved, **texts)


def test_a_report_is_read_in_place_of_its_own_text_alone():
    saved = model_of("history", "findings")
    found = tokens(saved, Study("s", "p", TEXTS), findings="blood")
    assert found == by_hand(saved, history=TEXTS["history"], findings="blood")


def test_the_one_text_of_a_study_goes_to_the_only_text_input():
    saved = model_of("findings")
    assert tokens(saved, Study("s", "p", {"report": "blood"})) == by_hand(saved, findings="blood")
    both = Study("s", "p", {"report": "blood", "findings": "no blood"})
    assert tokens(saved, both) == by_hand(saved, findings="no blood")
    assert read_study(saved, both).problems == ["text 'report' is not read: the model reads findings"]


def test_a_text_that_could_be_for_either_input_is_read_by_none():
    saved = model_of("history", "findings")
    read = read_study(saved, Study("s", "p", {"findings": "blood", "report": "fall"}))
    assert read.problems == ["text 'report' is not read: the model reads history, findings"]
