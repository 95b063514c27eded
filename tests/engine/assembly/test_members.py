"""Which models may answer together."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from parts import CT_FACTS, FACTS, TABLE_FACTS, VECTOR_FACTS, config_of

from mmdx.engine.assembly.members import difference

CONFIG = config_of()


def test_encoders_fusions_and_vocabularies_may_differ():
    other = config_of(fusion="gated", dim=20, report={"encoder": "bilstm_attention"})
    assert difference((CONFIG, FACTS), (other, replace(FACTS, texts={"report": 99}))) is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(FACTS, findings=("bleed",)), "findings bleed instead of bleed, fracture"),
        (VECTOR_FACTS, r"inputs image \(images\), report \(vectors\) instead of image \(images\), report \(text\)"),
        (TABLE_FACTS, r"inputs .*report \(tabular\) instead of"),
        (CT_FACTS, "images image HU x1, .* instead of image intensity x1"),
        (replace(FACTS, size=64), "images .*64 pixels instead of"),
        (replace(FACTS, first="0" * 32), "a first stage yes instead of no"),
    ],
)
def test_what_differs_is_named(facts, words):
    reason = difference((CONFIG, FACTS), (CONFIG, facts))
    assert reason is not None
    assert re.search(words, reason)


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ({"study": "study"}, r"model.heads study \(study bce\) instead of study \(study bce\), slice \(slice bce\)"),
        ({"study": {"type": "study", "loss": "focal"}, "slice": "slice"}, r"model.heads study \(study focal\)"),
    ],
)
def test_heads_and_losses_must_be_the_same(heads, words):
    reason = difference((CONFIG, FACTS), (config_of(heads=heads), FACTS))
    assert reason is not None
    assert re.search(words, reason)


def test_reports_and_images_are_read_alike():
    data = CONFIG.data.model_copy(update={"max_images": 8})
    reason = difference((CONFIG, FACTS), (CONFIG.model_copy(update={"data": data}), FACTS))
    assert reason == "data.max_images 8 instead of None"
