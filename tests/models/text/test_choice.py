"""Which encoder is suggested for which reports."""

from __future__ import annotations

import pytest

import mmdx.engine.assembly.parts  # noqa: F401  (registers every part of a model)
from mmdx.models.text.choice import suggested_encoder
from mmdx.registry import TEXT_ENCODERS


@pytest.mark.parametrize(
    ("reports", "letters", "source", "encoder"),
    [
        (100, 5.0, None, "bag_and_sequence"),
        (100, 5.0, "bert", "bag_and_sequence"),
        (9000, 5.0, None, "bag_and_sequence"),
        (9000, 5.0, "bert", "transformer"),
        (100, 20.0, "bert", "transformer"),
        (100, 20.0, None, "bag_and_sequence"),
    ],
)
def test_an_encoder_is_suggested_by_number_and_script(reports, letters, source, encoder):
    component, reason = suggested_encoder(reports=reports, letters=letters, source=source)
    assert component.type == encoder
    assert TEXT_ENCODERS.options(component)["max_tokens"] == 4096
    assert reason
