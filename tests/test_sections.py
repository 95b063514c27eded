"""The section of a training: its defaults, and what contradicts itself."""

from __future__ import annotations

import pydantic
import pytest

from mmdx.sections import TrainConfig


def test_a_section_is_frozen_and_knows_its_keys() -> None:
    train = TrainConfig(epochs=3)
    assert (train.epochs, train.lr, train.judge) == (3, 1e-3, "studies")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        train.epochs = 4  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        TrainConfig.model_validate({"epoch": 3})
