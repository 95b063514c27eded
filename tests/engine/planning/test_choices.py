"""Choices become a config."""

from __future__ import annotations

import pytest

from mmdx.engine.planning.choices import Choice, config_of
from mmdx.errors import UsageError


def test_choices_spell_out_a_config_with_every_default() -> None:
    store = Choice("data.store", "stores/x", "It is there.")
    config = config_of([store, Choice("model.inputs.report.encoder", "tfidf", "Few reports.")])
    assert str(config.data.store) == "stores/x"
    assert config.model.inputs["report"].encoder.options["max_tokens"] == 4096


def test_what_makes_no_config_is_one_line() -> None:
    choices = [Choice("data.store", "x", ""), Choice("model.inputs.report.encoder", "tfidff", "")]
    with pytest.raises(UsageError, match=r"model\.inputs\.report\.encoder.*did you mean 'tfidf'"):
        config_of(choices)
