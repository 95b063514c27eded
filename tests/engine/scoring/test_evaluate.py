"""How a run is scored again."""

from __future__ import annotations

from parts import config_of

from mmdx.engine.scoring.evaluate import AS_TRAINED, Scoring


def test_only_what_is_asked_for_is_read_otherwise():
    config = config_of()
    assert AS_TRAINED.applied(config) == config
    data = Scoring(order="reversed", drop=0.25).applied(config).data
    assert (data.order, data.drop_images) == ("reversed", 0.25)
    assert Scoring(drop=0.0).applied(config).data.order == config.data.order
